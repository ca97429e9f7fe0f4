"""Indexes that are seen to: built, measured, tuned, fitted anew after drift, and tidied up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from lookalike.caretaker import Caretaker
from lookalike.database import transaction
from lookalike.features import Features
from lookalike.indexes import BuildStep, Care, Policy, SearchIndex, read_indexes, upkeep
from lookalike.indexes.alone import alone
from tests.integration.installation import Installation
from tests.integration.test_indexes import add, clustered

POLICY = Policy(index_rows=300, recall_s=3600)


def many_directions(n: int) -> Features:
    """Nothing of what `clustered` shows, and in more directions than a key has."""
    dice = np.random.default_rng(7)
    features = dice.gamma(0.2, 1.0, (n, 4032)).astype(np.float32)
    features[1::2] = features[::2] * dice.uniform(0.8, 1.25, (n // 2, 4032))
    return features


@pytest.fixture
def house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    installation = Installation.on(database_url)
    add(installation, clustered(300), "first")
    yield installation
    installation.close()


def seen_to(house: Installation, policy: Policy = POLICY) -> list[Care]:
    return list(upkeep(house.engine, policy))


def only(house: Installation) -> SearchIndex:
    with transaction(house.engine) as connection:
        (index,) = read_indexes(connection)
    return index


def change(house: Installation, what: str) -> None:
    with transaction(house.engine) as connection:
        connection.execute(text(f"UPDATE lookalike.search_indexes SET {what}"))


def test_a_collection_that_has_grown_gets_an_index_that_reaches_the_target(
    house: Installation,
) -> None:
    assert seen_to(house, Policy(index_rows=301, recall_s=3600)) == []
    assert seen_to(house, Policy(index_rows=0, recall_s=3600)) == []
    (care,) = seen_to(house)
    assert (care.what, care.target) == ("built", 0.99)
    assert care.recall is not None
    assert care.recall >= 0.99
    assert only(house).recall_target == pytest.approx(0.99)
    assert seen_to(house) == []


def test_an_old_recall_is_measured_and_a_hasty_effort_tuned(house: Installation) -> None:
    house.client.indexes.build("default", recipe="pca")
    assert [care.what for care in seen_to(house)] == ["measured"]
    change(house, "ef_search = 10, n_shortlist = 3, measured_at = now() - interval '2 hours'")
    with capture_logs() as logs:
        (care,) = seen_to(house)
    assert care.what == "tuned"
    assert only(house).n_shortlist > 3
    (warning,) = (line for line in logs if line["event"] == "recall_below_target")
    assert warning["log_level"] == "warning"
    assert warning["collection"] == "default"
    assert warning["recall"] < warning["target"]


def test_what_has_drifted_is_fitted_anew(house: Installation) -> None:
    before = house.client.indexes.build("default", recipe="pca")
    add(house, many_directions(600), "other")
    change(house, "ef_search = 40, n_shortlist = 20")
    (condition,) = house.client.indexes.status()
    assert condition.captured_ratio is not None
    assert condition.captured_ratio < 0.9
    (care,) = seen_to(house)
    assert care.what == "refitted"
    assert care.recall is not None
    assert care.recall >= 0.99
    after = only(house)
    assert after.id != before.id
    assert (after.n_fitted, after.state) == (900, "serving")


def test_where_nothing_may_be_built_a_drifted_index_is_searched_harder(
    house: Installation,
) -> None:
    before = house.client.indexes.build("default", recipe="pca")
    add(house, many_directions(600), "other")
    change(house, "ef_search = 40, n_shortlist = 20")
    (care,) = seen_to(house, Policy(index_rows=0, recall_s=3600))
    assert care.what == "tuned"
    assert only(house).id == before.id


def test_a_target_out_of_reach_is_told_and_kept(house: Installation) -> None:
    house.client.indexes.build("default", recipe="bits")
    change(house, "recall_target = 1.01")
    (care,) = seen_to(house)
    assert care.what == "below target"
    assert only(house).recall_target == pytest.approx(1.01)


def test_a_build_that_was_stopped_is_gone_on_with(house: Installation) -> None:
    class Broken(Exception):
        pass

    def break_off(step: BuildStep) -> None:
        if step.name == "keys":
            raise Broken

    with pytest.raises(Broken):
        list(upkeep(house.engine, POLICY, watch=break_off))
    begun = only(house)
    assert begun.state == "filling"
    assert [care.what for care in seen_to(house)] == ["built"]
    assert only(house).id == begun.id


def test_a_caretaker_that_has_to_stop_begins_nothing(house: Installation) -> None:
    stop = threading.Event()
    stop.set()
    assert list(Caretaker(house.engine, POLICY, stop).once()) == []
    with transaction(house.engine) as connection:
        assert read_indexes(connection) == []


def test_retired_indexes_are_removed(house: Installation) -> None:
    index = house.client.indexes.build("default")
    change(house, "state = 'retired'")
    seen_to(house, Policy(index_rows=0, recall_s=3600))
    with transaction(house.engine) as connection:
        assert read_indexes(connection) == []
        assert connection.scalar(text(f"SELECT to_regclass('lookalike.keys_{index.id}')")) is None


def test_two_processes_do_not_see_to_the_same_collection(house: Installation) -> None:
    with alone(house.engine, "lookalike.upkeep", 1):
        assert seen_to(house) == []


def test_what_cannot_be_built_now_is_put_off(house: Installation) -> None:
    with alone(house.engine, "lookalike.index", 1):
        (care,) = seen_to(house)
    assert care.what == "put off"
    assert "another process" in care.why


def test_the_command_says_what_was_done(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_INDEX_ROWS", "300")
    assert command().startswith("default: built, recall@10 ")
    assert command() == "No index needs anything.\n"


def command() -> str:
    # A process of its own: it sets its logs up for good.
    return subprocess.run(
        [sys.executable, "-m", "lookalike.cli", "upkeep"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_caretaker_remembers_drift_and_is_ready_when_postgres_answers(
    house: Installation,
) -> None:
    caretaker = Caretaker(house.engine, POLICY, threading.Event())
    assert caretaker.missing() != []
    list(caretaker.once())
    assert caretaker.missing() == []
    assert caretaker.captured["default"] == pytest.approx(1, abs=0.05)
