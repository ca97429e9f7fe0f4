"""How things stand: what waits, what is done and how fast, and who does it.

Read from the tallies and along indexes: a hundred million jobs cost no more
than a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from lookalike.database import tallies
from lookalike.database.tallies import Finished
from lookalike.jobs import JobStatus, Lane
from lookalike.queue.controls import Control, read_controls
from lookalike.queue.limits import EVERY
from lookalike.queue.workers import Worker, live_workers
from lookalike.webhooks.records import WebhookBacklog, read_backlog

_COLLECTIONS = """
    SELECT c.id, c.name, s.trained, s.encoder || '@' || left(s.digest, 12) AS space,
        o.encoder || '@' || left(o.digest, 12) AS other_space, coalesce(t.n, 0) AS n_images
    FROM lookalike.collections c
    LEFT JOIN lookalike.feature_spaces s ON s.id = c.space_id
    LEFT JOIN lookalike.reembeddings r ON r.collection_id = c.id
    LEFT JOIN lookalike.feature_spaces o
        ON o.id IN (r.old_space_id, r.new_space_id) AND o.id <> c.space_id
    LEFT JOIN (SELECT collection_id, sum(n)::bigint AS n FROM lookalike.tallies
               WHERE what = 'image' GROUP BY collection_id) t ON t.collection_id = c.id
    ORDER BY c.name
"""

# The first entry of each stretch of `jobs_ready_idx`. Spelt out for jobs without a space, since
# an index does not serve IS NOT DISTINCT FROM; ordered in full, since IS NULL fixes no column.
_OLDEST = """
    SELECT w.collection_id, w.lane, max(extract(epoch FROM now() - CASE
        WHEN w.space_id IS NULL THEN (
            SELECT j.available_at FROM lookalike.jobs j
            WHERE j.status IN ('queued', 'retry') AND j.space_id IS NULL
                AND j.lane = w.lane AND j.collection_id = w.collection_id
            ORDER BY j.space_id, j.lane, j.collection_id, j.available_at LIMIT 1)
        ELSE (
            SELECT j.available_at FROM lookalike.jobs j
            WHERE j.status IN ('queued', 'retry') AND j.space_id = w.space_id
                AND j.lane = w.lane AND j.collection_id = w.collection_id
            ORDER BY j.space_id, j.lane, j.collection_id, j.available_at LIMIT 1)
        END))::float8 AS wait_s
    FROM (SELECT collection_id, space_id, lane FROM lookalike.tallies
          WHERE what IN ('queued', 'retry')
          GROUP BY collection_id, space_id, lane HAVING sum(n) > 0) w
    GROUP BY w.collection_id, w.lane
"""

_Place = tuple[int, Lane]


@dataclass(frozen=True, slots=True)
class LaneProgress:
    """A collection's jobs of one lane, `bulk` or `interactive`.

    `n_open` are queued, leased or in retry. `per_s` is how many were done or
    failed a second in the last minute; `eta_s` is None where nothing moves.
    `oldest_wait_s` is since when the oldest is ready that nobody has taken.
    """

    lane: str
    queued: int
    leased: int
    retry: int
    done: int
    failed: int
    n_open: int
    per_s: float
    eta_s: float | None
    oldest_wait_s: float | None
    is_paused: bool


@dataclass(frozen=True, slots=True)
class CollectionProgress:
    """One collection: `space` and `is_trained` are None before its first worker.

    `other_space` is kept filled beside it while the collection changes its encoder, else None.
    `jobs` has those statuses that any job has; `paused` is `bulk`, `all` or
    None, here or for all collections; `is_full` tells that its own limit
    `max_open` is reached.
    """

    name: str
    space: str | None
    other_space: str | None
    is_trained: bool | None
    n_images: int
    n_open: int
    max_open: int | None
    is_full: bool
    paused: str | None
    jobs: dict[JobStatus, int]
    lanes: list[LaneProgress]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `lookalike status` shows; the first fields are of all collections."""

    at: datetime
    n_images: int
    n_open: int
    per_s: float
    eta_s: float | None
    oldest_wait_s: float | None
    paused: str | None
    max_open: int | None
    is_full: bool
    collections: list[CollectionProgress]
    workers: list[Worker]
    webhooks: WebhookBacklog


def read_status(connection: Connection, *, lease_s: float) -> Status:
    """Count jobs by collection, lane and status, and list the live workers."""
    controls = read_controls(connection)
    every = controls.get(EVERY, Control())
    finished = tallies.finished(connection)
    lanes = _lanes(connection, controls, finished)
    collections = [
        _collection(row, lanes.get(row["id"], []), controls.get(row["id"], Control()), every)
        for row in connection.execute(text(_COLLECTIONS)).mappings()
    ]
    n_open = sum(c.n_open for c in collections)
    per_s = sum(one.per_s for one in finished)
    waits = [lane.oldest_wait_s for c in collections for lane in c.lanes]
    return Status(
        at=connection.execute(text("SELECT now()")).scalar_one(),
        n_images=sum(c.n_images for c in collections),
        n_open=n_open,
        per_s=round(per_s, 3),
        eta_s=_eta_s(n_open, per_s),
        oldest_wait_s=max((wait for wait in waits if wait is not None), default=None),
        paused=every.paused,
        max_open=every.max_open,
        is_full=every.is_reached(n_open),
        collections=collections,
        workers=_workers(connection, finished, lease_s),
        webhooks=read_backlog(connection),
    )


def _collection(
    row: RowMapping, lanes: list[LaneProgress], own: Control, every: Control
) -> CollectionProgress:
    jobs = {status: sum(getattr(lane, status) for lane in lanes) for status in JobStatus}
    n_open = sum(lane.n_open for lane in lanes)
    return CollectionProgress(
        name=row["name"],
        space=row["space"],
        other_space=row["other_space"],
        is_trained=row["trained"],
        n_images=row["n_images"],
        n_open=n_open,
        max_open=own.max_open,
        is_full=own.is_reached(n_open),
        # `all` comes before `bulk`, as it is the wider one.
        paused=min((c.paused for c in (own, every) if c.paused is not None), default=None),
        jobs={status: n for status, n in jobs.items() if n},
        lanes=lanes,
    )


def _lanes(
    connection: Connection, controls: Mapping[int, Control], finished: Iterable[Finished]
) -> dict[int, list[LaneProgress]]:
    """The lanes that have any job, by collection, interactive first."""
    counts: dict[_Place, dict[JobStatus, int]] = {}
    for tally in tallies.read(connection):
        of_lane = counts.setdefault((tally.collection_id, tally.lane), dict.fromkeys(JobStatus, 0))
        of_lane[tally.status] += tally.n
    oldest: dict[_Place, float | None] = {
        (row.collection_id, Lane(row.lane)): row.wait_s for row in connection.execute(text(_OLDEST))
    }
    every = controls.get(EVERY, Control())
    found: dict[int, list[LaneProgress]] = {}
    for place, jobs in sorted(counts.items()):
        collection_id, lane = place
        own = controls.get(collection_id, Control())
        per_s = sum(f.per_s for f in finished if (f.collection_id, f.lane) == place)
        is_paused = own.pauses(lane) or every.pauses(lane)
        found.setdefault(collection_id, []).append(
            _lane(lane, jobs, per_s, oldest.get(place), is_paused=is_paused)
        )
    return found


def _lane(
    lane: Lane,
    jobs: Mapping[JobStatus, int],
    per_s: float,
    oldest_wait_s: float | None,
    *,
    is_paused: bool,
) -> LaneProgress:
    n_open = sum(n for status, n in jobs.items() if not status.is_final)
    return LaneProgress(
        lane=lane.name.lower(),
        **{status.value: n for status, n in jobs.items()},
        n_open=n_open,
        per_s=round(per_s, 3),
        eta_s=None if is_paused and n_open else _eta_s(n_open, per_s),
        # One whose retry is still to come does not wait for a worker yet.
        oldest_wait_s=None if oldest_wait_s is None else round(max(0.0, oldest_wait_s), 1),
        is_paused=is_paused,
    )


def _eta_s(n_open: int, per_s: float) -> float | None:
    if not n_open:
        return 0.0
    return round(n_open / per_s, 1) if per_s else None


def _workers(connection: Connection, finished: Iterable[Finished], lease_s: float) -> list[Worker]:
    return [
        replace(
            worker,
            images_per_s=round(sum(f.per_s for f in finished if f.worker == worker.id), 3),
        )
        for worker in live_workers(connection, lease_s=lease_s)
    ]
