"""Pause, drain, limit and purge, against a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.cli import main
from lookalike.cli.commands import app
from lookalike.database import Listener, transaction
from lookalike.errors import BacklogFull, UnknownCollection, UnknownJob
from lookalike.images import ImageRef
from lookalike.jobs import ClaimedJob, Failure, JobStatus, Lane, Trace
from lookalike.queue import enqueue_query, retention, windows
from lookalike.tables import JOBS_CHANNEL
from tests.integration.installation import Installation, embedded, random_features

URL = "https://example.org/{}.jpg"


@pytest.fixture
def house(module_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    installation = Installation.on(module_database_url)
    yield installation
    installation.empty()
    installation.close()


def add(house: Installation, n: int, collection: str = "default", *, first: int = 0) -> list[int]:
    urls = [URL.format(i) for i in range(first, first + n)]
    added = house.client.add_many(urls, collection=collection, patience_s=0)
    return [one.job_id for one in added if one.job_id is not None]


def ask(house: Installation) -> None:
    with transaction(house.engine) as connection:
        enqueue_query(connection, "default", ImageRef.parse(URL.format("q")))


def finish(house: Installation, jobs: list[ClaimedJob]) -> None:
    house.commit([embedded(job, random_features(1)[0]) for job in jobs])


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_a_pause_holds_bulk_back_and_answers_queries(house: Installation) -> None:
    add(house, 3)
    ask(house)
    assert house.client.operator.pause() == "bulk"
    assert (len(house.claim()), len(house.claim(lane=Lane.INTERACTIVE))) == (0, 1)
    assert house.client.operator.resume()
    assert len(house.claim()) == 3


def test_one_collection_can_be_paused_alone(house: Installation) -> None:
    add(house, 3)
    add(house, 2, "shoes")
    house.client.operator.pause("default")
    assert len(house.claim()) == 2


def test_a_pause_of_all_lanes_is_not_weakened_by_another(house: Installation) -> None:
    add(house, 1)
    ask(house)
    house.client.operator.pause(all_lanes=True)
    assert house.client.operator.pause() == "all"
    assert house.claim(lane=Lane.INTERACTIVE) == []


def test_pausing_and_resuming_again_changes_nothing(house: Installation) -> None:
    operator = house.client.operator
    assert [operator.pause(), operator.pause()] == ["bulk", "bulk"]
    assert [operator.resume(), operator.resume()] == [True, False]


def test_nothing_is_leased_after_a_pause_has_returned(house: Installation) -> None:
    """A relay that chose jobs before the pause commits first."""
    add(house, 3)
    pausing = threading.Thread(target=house.client.operator.pause)
    with transaction(house.engine) as relay:
        assert windows.take_turn(relay, house.space_id, Lane.BULK)
        pausing.start()
        with transaction(house.engine) as other:
            while not other.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                pass
        assert pausing.is_alive()
    pausing.join(timeout=20)
    assert not pausing.is_alive()


def test_a_resume_wakes_the_relay(house: Installation, module_database_url: str) -> None:
    house.client.operator.pause()
    listener = Listener(module_database_url, JOBS_CHANNEL)
    listener.open()
    house.client.operator.resume()
    assert listener.wait(10)
    listener.close()


def test_an_unknown_collection_is_named(house: Installation) -> None:
    operator = house.client.operator
    for call in (operator.pause, operator.resume, operator.control):
        with pytest.raises(UnknownCollection, match="'hats'"):
            call("hats")
    with pytest.raises(UnknownCollection):
        operator.limit(3, collection="hats")


def test_a_drain_ends_when_the_last_job_is_committed(house: Installation) -> None:
    add(house, 3)
    jobs = house.claim()
    add(house, 2, first=10)
    shown = []

    def watch(left: object) -> None:
        shown.append(left)
        finish(house, jobs)

    assert house.client.operator.drain(timeout_s=30, watch=watch) == []
    assert len(shown) == 1
    assert house.claim() == []


def test_a_drain_takes_back_what_no_worker_has_claimed(house: Installation) -> None:
    add(house, 3)
    with transaction(house.engine) as connection:
        windows.lease_jobs(connection, house.space_id, Lane.BULK, n=9, chunk_size=9, lease_s=60)
    assert run("drain", "--timeout", "0") == (
        0,
        "Nothing is in hand, and everything is paused: upgrade, then `lookalike resume`.\n",
    )
    assert run("resume")[1].startswith("Resumed")
    assert len(house.claim()) == 3


def test_a_drain_that_takes_too_long_says_who_holds_what(house: Installation) -> None:
    add(house, 3)
    house.claim(worker="slow")
    status, said = run("drain", "--timeout", "0")
    assert (status, "3 by worker slow" in said) == (1, True)


def test_a_full_collection_refuses_while_another_takes(house: Installation) -> None:
    add(house, 3)
    assert run("limit", "-c", "default", "4") == (0, "At most 4 jobs may be open in default.\n")
    with pytest.raises(BacklogFull, match="at most 4"):
        add(house, 2, first=10)
    add(house, 2, "shoes")
    assert run("limit", "-c", "default", "--none")[1] == "No limit in default.\n"
    add(house, 2, first=10)


def test_a_limit_counts_all_collections_together(house: Installation) -> None:
    add(house, 3)
    house.client.operator.limit(4)
    with pytest.raises(BacklogFull, match="in all"):
        add(house, 2, "shoes")


def test_pause_and_resume_say_what_still_holds(house: Installation) -> None:
    add(house, 2)
    house.claim()
    assert "2 jobs" in run("pause")[1]
    assert "still paused" in run("resume", "-c", "default")[1]
    run("pause", "-c", "default")
    assert "default is still paused" in run("resume")[1]


def test_an_operators_mistake_is_one_line(
    house: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lookalike", "pause", "-c", "hats"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("UnknownCollection: no collection is named 'hats'")


def test_pruning_keeps_failed_jobs_and_features(house: Installation) -> None:
    add(house, 3)
    one, other, third = house.claim()
    finish(house, [one, other])
    house.commit([Failure(third, "ImageNotFound", "gone", None, Trace())])
    assert retention.prune_jobs(house.engine, older_than_s=0) == 2
    (collection,) = house.client.status().collections
    assert (collection.jobs, collection.n_images) == ({JobStatus.FAILED: 1}, 3)
    assert house.client.features(1) is not None


def test_pruning_goes_on_over_portions(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PORTION", 2)
    add(house, 5)
    add(house, 4, "shoes")
    finish(house, house.claim())
    operator = house.client.operator
    assert operator.purge(JobStatus.DONE, collection="default") == 5
    assert operator.purge(JobStatus.DONE, older_than_s=3600) == 0
    assert operator.purge(JobStatus.DONE) == 4


def test_cancelling_leaves_what_is_taken_and_wakes_who_waits(house: Installation) -> None:
    taken = add(house, 2)
    house.claim()
    waiting = add(house, 3, first=10)
    said = []

    def wait() -> None:
        with pytest.raises(UnknownJob, match="purged") as caught:
            house.client.wait(waiting, timeout_s=30)
        said.append(caught.value.value)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert run("jobs", "purge", "--queued", "--all")[0] == 0
    waiter.join(timeout=30)
    assert said == waiting[:1]
    assert [house.client.job(job).status for job in taken] == [JobStatus.LEASED] * 2


def test_a_cancelled_image_can_be_added_again(house: Installation) -> None:
    add(house, 1)
    house.client.operator.purge(JobStatus.QUEUED)
    assert house.client.add(URL.format(0)).is_new
