"""Images that come each with their own metadata: one that is refused costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.errors import BacklogFull, MetadataInvalid, ReferenceInvalid
from lookalike.queue import Enqueued
from lookalike.settings import Settings

URL = "https://images.example/{}.jpg"


@pytest.fixture
def client(database_url: str) -> Iterator[Lookalike]:
    with Lookalike(database_url, settings=Settings.load({})) as client:
        yield client


def test_each_image_keeps_its_own_metadata(client: Lookalike, database_url: str) -> None:
    # Enough to be copied, and few enough to be upserted.
    for n in (600, 20):
        answers = client.add_each([(URL.format(f"{n}/{i}"), {"i": i}) for i in range(n)])
        assert all(isinstance(answer, Enqueued) and answer.is_new for answer in answers)
        ids = [answer.image_id for answer in answers if isinstance(answer, Enqueued)]
        assert metadata_of(database_url, ids) == [{"i": i} for i in range(n)]


def test_what_is_refused_has_its_error_in_its_place(client: Lookalike) -> None:
    answers = client.add_each(
        [
            (URL.format(1), None),
            ("ftp://a/b", None),
            (URL.format(2), {"a": "\0"}),
            (URL.format(3), {}),
        ]
    )
    kinds = [type(answer) for answer in answers]
    assert kinds == [Enqueued, ReferenceInvalid, MetadataInvalid, Enqueued]


def test_nothing_good_is_no_transaction(client: Lookalike) -> None:
    assert client.add_each([]) == []
    assert [type(one) for one in client.add_each([("", None)])] == [ReferenceInvalid]


@pytest.mark.parametrize("n", [10, 1000])
def test_a_limit_lets_in_as_many_as_there_is_room_for(client: Lookalike, n: int) -> None:
    client.add(URL.format("first"))
    client.operator.limit(4)
    client.operator.limit(8, collection="default")
    answers = client.add_each([(URL.format(i), None) for i in range(n)])
    assert [isinstance(answer, Enqueued) for answer in answers] == [True] * 3 + [False] * (n - 3)
    assert all(isinstance(answer, BacklogFull) for answer in answers[3:])
    assert client.status().n_open == 4


def metadata_of(database_url: str, image_ids: list[int]) -> list[dict[str, object]]:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        rows = connection.execute(
            text("SELECT id, metadata FROM lookalike.images WHERE id = ANY(:ids)"),
            {"ids": image_ids},
        )
        found = {row.id: row.metadata for row in rows}
    engine.dispose()
    return [found[image_id] for image_id in image_ids]
