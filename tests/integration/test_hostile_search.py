"""Searches that nobody should ask for: each is answered rightly, or with its typed error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from lookalike.errors import LookalikeError, NotCalibrated, Rejected
from lookalike.indexes import build_index
from tests.integration.hostile.python import PYTHON, shown
from tests.integration.hostile.questions import FEATURES, FOREIGN, INJECTION, SPACE, N
from tests.integration.hostile.sql import SQL, Sql
from tests.integration.installation import Installation

TABLES = "images features collections feature_spaces jobs search_indexes calibrations".split()

# What is done to the installation before it is asked: an index answers as the exact way does.
WAYS: dict[str, Callable[[Installation], object]] = {
    "exact": lambda _: None,
    "index": lambda house: build_index(house.engine, "default", dimensions=8),
}


@pytest.fixture(scope="module", params=WAYS)
def house(request: pytest.FixtureRequest, module_database_url: str) -> Iterator[Installation]:
    installation = Installation.on(module_database_url, space=SPACE)
    for i in range(N):
        metadata = {"n": i, "colour": "red" if i % 2 else "blue", "tags": ["a", INJECTION]}
        installation.client.add(f"https://example.org/{i}.jpg", metadata=metadata)
    installation.embed(FEATURES)
    installation.client.add("https://example.org/waits.jpg", collection="empty")
    foreign = Installation.on(module_database_url, space=FOREIGN)
    foreign.client.add("https://example.org/0.jpg", collection="foreign")
    foreign.embed(FEATURES[:1])
    foreign.close()
    WAYS[request.param](installation)
    yield installation
    installation.empty()
    installation.close()


@pytest.fixture(autouse=True)
def unharmed(house: Installation, module_database_url: str) -> Iterator[None]:
    """The tables hold after the test what they held before."""
    before = contents(module_database_url)
    yield
    assert contents(module_database_url) == before


def contents(database_url: str) -> list[object]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        found: list[object] = []
        for table in TABLES:
            cursor.execute(
                f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) "
                f"FROM lookalike.{table} t"
            )
            found.append(cursor.fetchone())
        return found


@pytest.mark.parametrize("case", SQL, ids=str)
def test_sql_answers_rightly_or_with_its_sqlstate(case: Sql, module_database_url: str) -> None:
    with closing(psycopg2.connect(module_database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                cursor.execute(case.statement, case.arguments)
                outcome: str | int = len(cursor.fetchall())
            except psycopg2.Error as error:
                outcome = error.pgcode or repr(error)
    assert outcome == case.outcome


@pytest.mark.parametrize(
    ("question", "outcome"),
    PYTHON,
    ids=[" ".join(f"{k}={shown(v)}" for k, v in q.items()) for q, _ in PYTHON],
)
def test_python_answers_rightly_or_with_its_error(
    house: Installation, question: dict[str, Any], outcome: type[LookalikeError] | int
) -> None:
    if isinstance(outcome, int):
        found = house.client.search(**question)
        assert len(found) == outcome
        assert found.n_missing == found.k - outcome
    else:
        with pytest.raises(outcome) as caught:
            house.client.search(**question)
        assert type(caught.value) is outcome


def test_an_argument_that_there_is_not_is_a_slip_of_the_pen(house: Installation) -> None:
    with pytest.raises(TypeError, match="treshold"):
        house.client.search(image_id=1, treshold=0.5)  # type: ignore[call-arg]


def test_near_duplicates_need_a_calibration(house: Installation) -> None:
    with pytest.raises(NotCalibrated, match="lookalike calibrate"):
        list(house.client.duplicate_pairs(tier="near_duplicate"))
    with pytest.raises(Rejected, match="found the tier"):
        list(house.client.duplicate_pairs(tier=INJECTION))
    assert not house.client.duplicates(1).is_calibrated
