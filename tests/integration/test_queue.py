"""Jobs, leases and outcomes in a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from lookalike import queue
from lookalike.database import transaction
from lookalike.errors import MetadataInvalid, UnknownJob, WaitedTooLong
from lookalike.images import ImageRef
from lookalike.jobs import Failure, JobStatus, Lane, Request, Trace
from lookalike.queue import leases, windows, workers
from lookalike.queue.retries import RetryPolicy
from tests.integration.installation import Installation, embedded, random_features

POLICY = RetryPolicy(max_attempts=3, backoff_s=0.001, max_backoff_s=0.001)


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def urls(n: int) -> list[str]:
    return [f"https://example.org/{i}.jpg" for i in range(n)]


def expire_leases(house: Installation) -> leases.Expired:
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.leases SET expires_at = now() - interval '1 s'"))
        return leases.take_back_expired(connection, POLICY)


def test_a_job_exists_only_if_the_producers_transaction_commits(house: Installation) -> None:
    request = Request(ImageRef.parse("https://example.org/a.jpg"))
    with house.engine.connect() as connection:
        queue.enqueue(connection, "shop", [request])
        connection.rollback()
    assert house.client.status().collections == []


def test_metadata_that_postgres_cannot_hold_are_refused(house: Installation) -> None:
    with pytest.raises(MetadataInvalid, match="NUL"):
        house.client.add("https://example.org/a.jpg", metadata={"name": "a\0"})
    assert house.client.status().n_images == 0


def test_adding_twice_makes_one_image_and_one_job(house: Installation) -> None:
    first = list(house.client.add_many(urls(3)))
    again = list(house.client.add_many([*urls(3), urls(3)[0]]))
    assert [one.is_new for one in first] == [True] * 3
    assert [one.image_id for one in again] == [*(o.image_id for o in first), first[0].image_id]
    assert not any(one.is_new for one in again)


def test_an_embedded_image_is_not_embedded_again_until_its_bytes_change(
    house: Installation,
) -> None:
    house.client.add("https://example.org/a.jpg")
    house.embed(random_features(1))
    assert not house.client.add("https://example.org/a.jpg").is_new
    with transaction(house.engine) as connection:
        ref, key = ImageRef.parse("https://example.org/a.jpg"), queue.upload(connection, b"x")[1]
        assert queue.enqueue(connection, "default", [Request(ref, key)])[0].is_new


def test_an_import_keeps_odd_references_and_metadata_as_they_are(house: Installation) -> None:
    odd = ["https://example.org/back\\slash", "https://example.org/tab\\t", "https://example.org/ü"]
    wanted = [*odd, *urls(1000)]
    metadata = {"title": 'a "quoted" \\ title\twith\na break', "sku": 7}
    added = list(house.client.add_many(wanted, metadata=metadata))
    assert all(one.is_new for one in added)
    assert len({one.image_id for one in added}) == len({one.job_id for one in added}) == 1003
    with transaction(house.engine) as connection:
        rows = connection.execute(
            text(
                "SELECT i.reference, j.reference, i.metadata, j.image_id "
                "FROM lookalike.images i JOIN lookalike.jobs j ON j.id = i.job_id ORDER BY i.id"
            )
        ).all()
    assert [row[0] for row in rows] == [row[1] for row in rows] == wanted
    assert [row.image_id for row in rows] == [one.image_id for one in added]
    assert all(row.metadata == metadata for row in rows)


@pytest.mark.parametrize("known", [[0], [1, 998]], ids=["looked for", "met by chance"])
def test_an_import_passes_over_what_is_there(house: Installation, known: list[int]) -> None:
    all_urls = urls(1000)
    before = {all_urls[i]: house.client.add(all_urls[i]).job_id for i in known}
    added = dict(zip(all_urls, house.client.add_many(all_urls), strict=True))
    assert {url for url, one in added.items() if not one.is_new} == before.keys()
    assert {url: added[url].job_id for url in before} == before
    assert house.client.status().n_open == 1000


def test_what_is_enqueued_while_no_worker_lives_belongs_to_the_next_one(
    house: Installation,
) -> None:
    with transaction(house.engine) as connection:
        workers.leave(connection, "w-fake")
    house.client.add("https://example.org/a.jpg")
    assert house.claim() == []
    with transaction(house.engine) as connection:
        workers.announce(connection, "next", house.space_id, "by hand")
    assert len(house.claim()) == 1


def test_a_chunk_delivered_twice_is_claimed_once(house: Installation) -> None:
    list(house.client.add_many(urls(5)))
    with transaction(house.engine) as connection:
        (chunk,) = windows.lease_jobs(
            connection, house.space_id, Lane.BULK, n=10, chunk_size=16, lease_s=60
        )
        assert len(leases.claim(connection, chunk, worker="a", lease_s=60)) == 5
        assert leases.claim(connection, chunk, worker="b", lease_s=60) == []


def test_relays_side_by_side_lease_different_jobs(house: Installation) -> None:
    list(house.client.add_many(urls(20)))
    with transaction(house.engine) as one, transaction(house.engine) as other:
        chunks = [
            windows.lease_jobs(c, house.space_id, Lane.BULK, n=10, chunk_size=10, lease_s=60)
            for c in (one, other)
        ]
    with transaction(house.engine) as connection:
        claimed = [
            job.id
            for chunk in [*chunks[0], *chunks[1]]
            for job in leases.claim(connection, chunk, worker="w", lease_s=60)
        ]
    assert len(set(claimed)) == len(claimed) == 20


def test_only_what_a_worker_really_holds_is_renewed(house: Installation) -> None:
    list(house.client.add_many(urls(20)))
    held, *_ = house.claim()
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.leases SET expires_at = now() - interval '1 s'"))
        assert leases.renew(connection, [held.lease], worker="w", lease_s=60) == 1
        assert leases.take_back_expired(connection, POLICY).n_retried == 4


def test_a_lost_message_costs_no_attempt(house: Installation) -> None:
    list(house.client.add_many(urls(2)))
    with transaction(house.engine) as connection:
        windows.lease_jobs(connection, house.space_id, Lane.BULK, n=9, chunk_size=9, lease_s=60)
    assert expire_leases(house).n_unclaimed == 2
    assert [job.attempts for job in house.claim()] == [1, 1]


def test_jobs_of_a_dead_worker_travel_alone_and_fail_after_the_last_attempt(
    house: Installation,
) -> None:
    ids = [one.job_id for one in house.client.add_many(urls(2))]
    while lose_a_worker(house):
        pass
    jobs = house.client.wait([i for i in ids if i is not None])
    assert {(job.status, job.error, job.attempts) for job in jobs} == {
        (JobStatus.FAILED, "WorkerLost", POLICY.max_attempts)
    }


def test_of_the_jobs_that_two_workers_died_with_one_is_out_at_a_time(house: Installation) -> None:
    list(house.client.add_many(urls(3)))
    assert [lose_a_worker(house) for _ in range(2)] == [3, 3]
    retry_now(house)
    fresh = [one.job_id for one in house.client.add_many(["https://example.org/fresh.jpg"])]
    first = house.claim()
    assert len(first) == 2
    assert [job.id for job in first if job.attempts == 1] == fresh
    assert house.claim() == []
    house.commit([embedded(job, random_features(1)[0]) for job in first])
    assert len(house.claim()) == 1


def lose_a_worker(house: Installation) -> int:
    """How many jobs it held."""
    retry_now(house)
    n_held = len(house.claim())
    expire_leases(house)
    return n_held


def retry_now(house: Installation) -> None:
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.jobs SET available_at = now()"))


def test_a_stale_failure_does_not_touch_a_job_that_was_leased_again(house: Installation) -> None:
    house.client.add("https://example.org/a.jpg")
    (old,) = house.claim()
    expire_leases(house)
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.jobs SET available_at = now()"))
    (new,) = house.claim()
    house.commit([Failure(old, "FetchFailed", "late", None, Trace())])
    assert house.client.job(old.id).status is JobStatus.LEASED
    house.commit([embedded(new, random_features(1)[0])])
    assert house.client.job(old.id).status is JobStatus.DONE


def test_committing_twice_is_the_same_as_once(house: Installation) -> None:
    list(house.client.add_many(urls(3)))
    outcomes = [embedded(job, random_features(1)[0]) for job in house.claim()]
    house.commit([*outcomes])
    house.commit([*outcomes])
    with transaction(house.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM lookalike.features")) == 3


def test_a_retry_waits_and_a_rejection_is_final(house: Installation) -> None:
    list(house.client.add_many(urls(2)))
    one, other = house.claim()
    house.commit(
        [
            Failure(one, "FetchFailed", "503", 3600.0, Trace()),
            Failure(other, "ImageUnreadable", "no picture\0", None, Trace()),
        ]
    )
    assert [house.client.job(job.id).status for job in (one, other)] == [
        JobStatus.RETRY,
        JobStatus.FAILED,
    ]
    assert house.claim() == []


def test_waiting_ends_as_soon_as_the_outcome_is_committed(house: Installation) -> None:
    added = house.client.add("https://example.org/a.jpg")
    committer = threading.Thread(target=house.embed, args=(random_features(1),))
    committer.start()
    (job,) = house.client.wait([added], timeout_s=30)
    committer.join()
    assert job.status is JobStatus.DONE


def test_waiting_too_long_says_so(house: Installation) -> None:
    with pytest.raises(WaitedTooLong, match="1 of 1 jobs"):
        house.client.wait([house.client.add("https://example.org/a.jpg")], timeout_s=0.01)


def test_an_unknown_job_is_named(house: Installation) -> None:
    with pytest.raises(UnknownJob, match="77"):
        house.client.job(77)


def test_why_tells_each_step_of_an_image(house: Installation) -> None:
    added = house.client.add("https://example.org/a.jpg")
    house.embed(random_features(1))
    story = house.client.why(added.image_id)
    assert (story.status, story.attempts, story.worker) == ("done", 1, "w")
    assert None not in (story.created_at, story.leased_at, story.claimed_at, story.finished_at)
    assert (story.fetched_ms, story.encoded_ms) == (1, 4)
