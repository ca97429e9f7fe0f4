"""The tallies are exact whatever happens to jobs and images."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import text

from lookalike.database import tallies, transaction
from lookalike.images import ImageRef
from lookalike.jobs import Chunk, ClaimedJob, Failure, JobStatus, Lane, Trace
from lookalike.queue import enqueue_query, leases, windows
from lookalike.queue.failures import Selection
from lookalike.queue.retries import RetryPolicy
from tests.integration.installation import Installation, embedded, random_features

POLICY = RetryPolicy(max_attempts=2, backoff_s=0.001, max_backoff_s=0.001)
_T = TypeVar("_T")

COLLECTIONS = ("shoes", "hats", "gloves")

_COUNTED = """
    SELECT collection_id, space_id, lane, status AS what, count(*) AS n
    FROM lookalike.jobs GROUP BY collection_id, space_id, lane, status
    UNION ALL
    SELECT collection_id, NULL, NULL, 'image', count(*)
    FROM lookalike.images GROUP BY collection_id
    UNION ALL
    SELECT collection_id, space_id, NULL, 'features', count(*)
    FROM lookalike.features GROUP BY collection_id, space_id
"""
_TALLIED = """
    SELECT collection_id, space_id, lane, what, sum(n) AS n FROM lookalike.tallies
    GROUP BY collection_id, space_id, lane, what HAVING sum(n) <> 0
"""

_DOUBLED = """
    SELECT image_id FROM lookalike.jobs
    WHERE status IN ('queued', 'retry', 'leased') AND image_id IS NOT NULL
    GROUP BY image_id HAVING count(*) > 1
"""


@pytest.fixture
def house(module_database_url: str) -> Iterator[Installation]:
    installation = Installation.on(module_database_url)
    yield installation
    installation.empty()
    installation.close()


class Chaos:
    """Does what producers, relays, workers and operators do, by a seeded chance."""

    def __init__(self, house: Installation, seed: int) -> None:
        self.house = house
        self.operator = house.client.operator
        self.random = random.Random(seed)
        self.published: list[Chunk] = []
        self.held: list[ClaimedJob] = []

    def step(self) -> str:
        often = [self.enqueue, self.lease, self.claim, self.commit, self.fail]
        seldom = [self.query, self.expire, self.give_back, self.retry, self.discard]
        seldom += [self.purge, self.delete_image, self.fold]
        action: Callable[[], object] = self.random.choice([*often, *often, *seldom])
        action()
        return action.__name__

    def enqueue(self) -> None:
        names = self.random.sample(range(60), self.random.randint(1, 12))
        self.house.client.add_many(
            [f"https://example.org/{n}.jpg" for n in names],
            collection=self.random.choice(COLLECTIONS),
        ).__next__()

    def query(self) -> None:
        with transaction(self.house.engine) as connection:
            enqueue_query(connection, "shoes", ImageRef.parse("https://example.org/q.jpg"))

    def lease(self) -> None:
        with transaction(self.house.engine) as connection:
            self.published += windows.lease_jobs(
                connection,
                self.house.space_id,
                self.random.choice(list(Lane)),
                n=10,
                chunk_size=4,
                lease_s=60,
            )

    def claim(self) -> None:
        with transaction(self.house.engine) as connection:
            for chunk in self._some(self.published):
                self.held += leases.claim(connection, chunk, worker="w", lease_s=60)

    def commit(self) -> None:
        jobs = self._some(self.held)
        self.house.commit([embedded(job, random_features(1)[0]) for job in jobs])

    def fail(self) -> None:
        error = self.random.choice(["ImageNotFound", "ImageUnreadable"])
        wait = self.random.choice([None, None, 0.0])
        self.house.commit(
            [Failure(job, error, "no", wait, Trace()) for job in self._some(self.held)]
        )

    def expire(self) -> None:
        with transaction(self.house.engine) as connection:
            connection.execute(
                text("""
                    UPDATE lookalike.leases SET expires_at = now() - interval '1 s'
                    WHERE id % 3 = 0
                """)
            )
            leases.take_back_expired(connection, POLICY)

    def give_back(self) -> None:
        with transaction(self.house.engine) as connection:
            leases.give_back(connection, [c.lease for c in self._some(self.published)], worker="w")

    def retry(self) -> None:
        self.operator.retry_failed(self._selection())

    def discard(self) -> None:
        self.operator.discard_failed(self._selection())

    def purge(self) -> None:
        status = self.random.choice([JobStatus.DONE, JobStatus.FAILED, JobStatus.QUEUED])
        self.operator.purge(status, collection=self.random.choice(COLLECTIONS))

    def delete_image(self) -> None:
        with transaction(self.house.engine) as connection:
            connection.execute(
                text("""
                    DELETE FROM lookalike.images WHERE id IN (
                        SELECT id FROM lookalike.images WHERE id % 10 = :digit LIMIT 2)
                """),
                {"digit": self.random.randint(0, 9)},
            )

    def fold(self) -> None:
        with transaction(self.house.engine) as connection:
            tallies.fold(connection)

    def _selection(self) -> Selection:
        return Selection(
            collection=self.random.choice([None, *COLLECTIONS]),
            reason=self.random.choice([None, "ImageNotFound"]),
            limit=self.random.choice([None, 3]),
        )

    def _some(self, given: list[_T]) -> list[_T]:
        taken = given[: self.random.randint(0, len(given))]
        del given[: len(taken)]
        return taken


def rows(house: Installation, query: str) -> set[tuple[object, ...]]:
    with transaction(house.engine) as connection:
        return {tuple(row) for row in connection.execute(text(query))}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_tallies_equal_counted_rows_and_no_image_has_two_open_jobs(
    house: Installation, seed: int
) -> None:
    chaos = Chaos(house, seed)
    for name in COLLECTIONS:
        house.client.add("https://example.org/first.jpg", collection=name)
    done = []
    for _ in range(150):
        done.append(chaos.step())
        assert rows(house, _TALLIED) == rows(house, _COUNTED), done
        assert rows(house, _DOUBLED) == set(), done
