"""What a change costs, before it is begun: from rates that were measured."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.database import tallies
from lookalike.jobs import Lane
from lookalike.queue import workers
from lookalike.reembedding.missing import count_missing
from lookalike.reembedding.spaces import Space
from lookalike.tables import JOBS_CHANNEL

SAMPLE = 256
"""So many images tell a rate: some batches of the largest size."""

# Fewer are the first batch of a worker, which may have been cold.
_LEAST_MEASURED = 32

# Jobs by the time in which a worker had any in hand, from claims and ends; jobs overlap, so each
# counts from where those before it had ended. The newest, along an index.
_RATE = """
    WITH latest AS MATERIALIZED (
        SELECT id, space_id, lane, status, worker, claimed_at, finished_at FROM lookalike.jobs
        WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 10000
    ), spans AS (
        SELECT claimed_at, finished_at, max(finished_at) OVER (
            PARTITION BY worker ORDER BY claimed_at, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_to
        FROM latest
        WHERE space_id = :space_id AND lane = :lane AND status = 'done' AND claimed_at IS NOT NULL
    )
    SELECT count(*) AS n, coalesce(sum(extract(epoch FROM greatest(
        interval '0', finished_at - greatest(claimed_at, busy_to)))), 0)::float8 AS busy_s
    FROM spans
"""

# Of images side by side, from somewhere in the middle: their features are nobody's.
_SAMPLE = """
    INSERT INTO lookalike.jobs (collection_id, reference, space_id, lane)
    SELECT :collection_id, i.reference, :space_id, :lane
    FROM (
        SELECT image_id FROM lookalike.features
        WHERE space_id = :serving_id AND collection_id = :collection_id AND image_id >= (
            SELECT min(image_id) + :share * (max(image_id) - min(image_id))
            FROM lookalike.features
            WHERE space_id = :serving_id AND collection_id = :collection_id)
        ORDER BY image_id LIMIT :n
    ) f JOIN lookalike.images i ON i.id = f.image_id
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a space is filled: its live workers, and what one was seen to do while it had work.

    `per_worker_per_s` are images a second; None where none was measured.
    """

    n_workers: int
    per_worker_per_s: float | None

    def seconds(self, n_images: int) -> float | None:
        """For so many images, by all live workers, or by one where none is alive yet."""
        if not self.per_worker_per_s:
            return None
        return n_images / (self.per_worker_per_s * max(1, self.n_workers))


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many images are left to embed in a space, and how fast that goes."""

    space: Space
    n_images: int
    pace: Pace


def estimate(
    connection: Connection, collection_id: int, serving: Space, space: Space, *, lease_s: float
) -> Estimate:
    """What it takes to embed in `space` all that is embedded in the space that serves."""
    if tallies.count_features(connection, collection_id, space.id):
        n_images = count_missing(connection, collection_id, serving, space).n
    else:
        n_images = tallies.count_features(connection, collection_id, serving.id)
    return Estimate(space, n_images, read_pace(connection, space, lease_s=lease_s))


def read_pace(connection: Connection, space: Space, *, lease_s: float) -> Pace:
    """The live workers of a space, and the rate that was measured last."""
    live = workers.live_workers(connection, lease_s=lease_s)
    n_workers = sum(worker.space_id == space.id for worker in live)
    return Pace(n_workers, measured_rate(connection, space.id))


def measured_rate(connection: Connection, space_id: int) -> float | None:
    """Bulk images a second that one worker of a space embeds, as it was seen last; None if never.

    From when it takes a job until that is committed, so fetching and
    decoding are in it.
    """
    row = connection.execute(text(_RATE), {"space_id": space_id, "lane": int(Lane.BULK)}).one()
    if row.n < _LEAST_MEASURED or not row.busy_s:
        return None
    return float(row.n / row.busy_s)


def enqueue_sample(
    connection: Connection, collection_id: int, serving: Space, space: Space, *, n: int = SAMPLE
) -> list[int]:
    """Have stored images embedded for the measurement alone; gives the jobs.

    They are query images of the bulk lane: their features go to no collection.
    """
    jobs = connection.scalars(
        text(_SAMPLE),
        {
            "collection_id": collection_id,
            "serving_id": serving.id,
            "space_id": space.id,
            "lane": int(Lane.BULK),
            "n": n,
            # Not always the same, and never the last ones alone.
            "share": random.uniform(0, 0.5),  # noqa: S311
        },
    ).all()
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return [int(job) for job in jobs]
