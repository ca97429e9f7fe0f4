"""Failed jobs: listed, counted, tried again or dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.database import transaction
from lookalike.errors import Rejected, UnknownCollection, UnknownJob
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Failure, JobStatus, Lane, Request, Trace
from lookalike.queue import enqueue, enqueue_query, failures, retention
from lookalike.queue.failures import Selection
from tests.integration.installation import Installation, embedded, random_features

URL = "https://example.org/{}.jpg"


@pytest.fixture
def house(module_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    installation = Installation.on(module_database_url)
    yield installation
    installation.empty()
    installation.close()


def fail(
    house: Installation, n: int, collection: str = "shoes", error: str = "ImageNotFound"
) -> None:
    urls = [URL.format(f"{error}{i}") for i in range(n)]
    list(house.client.add_many(urls, collection=collection))
    house.commit([Failure(job, error, f"no [b]{job.id}", None, Trace()) for job in house.claim()])


def fail_query(house: Installation, collection: str = "shoes") -> int:
    with transaction(house.engine) as connection:
        job_id = enqueue_query(connection, collection, ImageRef.parse(URL.format("query")))
    (job,) = house.claim(lane=Lane.INTERACTIVE)
    house.commit([Failure(job, "ImageUnreadable", "no picture", None, Trace())])
    return job_id


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result
    return result.output


def test_failures_are_counted_by_collection_and_reason(house: Installation) -> None:
    fail(house, 3)
    fail(house, 2, "hats", "ImageUnreadable")
    counted = house.client.operator.failed_for()
    assert [(one.collection, one.reason, one.n) for one in counted] == [
        ("shoes", "ImageNotFound", 3),
        ("hats", "ImageUnreadable", 2),
    ]


@pytest.mark.parametrize(
    ("selection", "n"),
    [
        (Selection(), 5),
        (Selection(collection="hats"), 2),
        (Selection(reason="ImageNotFound"), 3),
        (Selection(collection="hats", reason="ImageNotFound"), 0),
        (Selection(older_than_s=3600), 1),
        (Selection(limit=4), 4),
    ],
)
def test_each_filter_narrows_what_is_chosen(
    house: Installation, selection: Selection, n: int
) -> None:
    fail(house, 3)
    fail(house, 2, "hats", "ImageUnreadable")
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.jobs SET finished_at = now() - interval '2 h' WHERE id = 1")
        )
    operator = house.client.operator
    assert len(operator.failed(selection)) == n
    assert operator.retry_failed(selection) == n


def test_a_retried_job_has_all_its_attempts_and_keeps_its_error_until_it_is_fine(
    house: Installation,
) -> None:
    fail(house, 1)
    assert house.client.operator.retry_failed(Selection(collection="shoes")) == 1
    job = house.client.job(1)
    assert (job.status, job.attempts, job.error) == (JobStatus.QUEUED, 0, "ImageNotFound")
    assert job.finished_at is None
    (claimed,) = house.claim()
    house.commit([embedded(claimed, random_features(1)[0])])
    assert (house.client.job(1).status, house.client.job(1).error) == (JobStatus.DONE, None)


def test_an_image_with_a_later_job_is_not_retried(house: Installation) -> None:
    fail(house, 1)
    with transaction(house.engine) as connection:
        request = Request(ImageRef.parse(URL.format("ImageNotFound0")), ImageKey.of(b"new"))
        assert enqueue(connection, "shoes", [request])[0].is_new
    assert house.client.operator.retry_failed(Selection()) == 0
    (job,) = house.client.operator.failed()
    assert not job.is_last


def test_an_image_that_is_being_added_again_is_not_retried(house: Installation) -> None:
    """The producer has not committed yet: its job cannot be seen, the image's lock can."""
    fail(house, 1)
    with transaction(house.engine) as connection:
        request = Request(ImageRef.parse(URL.format("ImageNotFound0")))
        assert enqueue(connection, "shoes", [request])[0].is_new
        assert house.client.operator.retry_failed(Selection()) == 0
    assert house.client.operator.retry_failed(Selection()) == 0


def test_a_query_is_listed_but_only_dropped(house: Installation) -> None:
    fail(house, 1)
    job_id = fail_query(house)
    assert "query" in run("failed", "list")
    assert "Queued again: 1 job." in (said := run("failed", "retry", "--all"))
    assert "1 stay failed" in said
    assert "cannot be tried again" in run("failed", "show", str(job_id))
    assert run("failed", "discard", "--all").startswith("Deleted: 1 failed job.")
    assert run("failed", "list") == "No job failed.\n"


def test_discarding_keeps_the_image_which_can_be_added_again(house: Installation) -> None:
    fail(house, 1)
    assert house.client.operator.discard_failed(Selection(reason="ImageNotFound")) == 1
    assert house.client.status().n_images == 1
    assert house.client.why(1).status is None
    assert house.client.add(URL.format("ImageNotFound0"), collection="shoes").is_new


def test_many_are_changed_in_portions(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 2)
    fail(house, 5)
    operator = house.client.operator
    assert operator.retry_failed(Selection(limit=3)) == 3
    assert operator.discard_failed(Selection()) == 2


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_everything_has_to_be_asked_for(house: Installation, command: str) -> None:
    fail(house, 1)
    refused = CliRunner().invoke(app, ["failed", command])
    assert isinstance(refused.exception, Rejected)
    assert "--all" in str(refused.exception)
    assert len(house.client.operator.failed()) == 1


def test_an_age_is_written_with_its_unit(house: Installation) -> None:
    fail(house, 1)
    assert run("failed", "list", "--older-than", "2d") == "No job failed.\n"
    assert CliRunner().invoke(app, ["failed", "list", "--older-than", "2 days"]).exit_code == 2


def test_only_a_failed_job_is_shown(house: Installation) -> None:
    fail(house, 1)
    assert "ImageNotFound: no [b]1" in run("failed", "show", "1")
    house.client.add(URL.format(1))
    with pytest.raises(UnknownJob, match="queued"):
        house.client.operator.failed_job(2)
    with pytest.raises(UnknownJob, match="77"):
        house.client.operator.failed_job(77)
    with pytest.raises(UnknownCollection):
        house.client.operator.failed(Selection(collection="socks"))


def test_only_failed_jobs_are_looked_at(house: Installation) -> None:
    fail(house, 3)
    with transaction(house.engine) as connection:
        connection.execute(
            text("""
                INSERT INTO lookalike.jobs (collection_id, reference, space_id, status, finished_at)
                SELECT 1, 'https://example.org/x.jpg', 1, 'done', now()
                FROM generate_series(1, 20000)
            """)
        )
        connection.execute(text("ANALYZE lookalike.jobs"))
    read = "SELECT coalesce(sum(idx_tup_fetch + seq_tup_read), 0) FROM pg_stat_xact_user_tables"
    with transaction(house.engine) as connection:
        failures.list_failed(connection, Selection(limit=20))
        failures.count_by_reason(connection, Selection(collection="shoes"))
        failures.retry(connection, Selection(reason="ImageNotFound"), n=10)
        assert connection.scalar(text(read + " WHERE relname = 'jobs'")) < 100
