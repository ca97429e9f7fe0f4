"""Failed jobs: list them, count them by reason, try them again, or drop them.

They stay until somebody decides. Everything here goes along
`jobs_failed_idx`, so only failed jobs are looked at, however many others
there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from lookalike.database.naming import find_collection
from lookalike.errors import Rejected, UnknownJob
from lookalike.queue.enqueueing import read_jobs
from lookalike.tables import JOBS_CHANNEL

# In the index's order: by another the planner could walk through all jobs for a few failed ones.
_SELECTED = """
    WHERE j.status = 'failed'
        AND (CAST(:collection_id AS integer) IS NULL OR j.collection_id = :collection_id)
        AND (CAST(:reason AS text) IS NULL OR j.error = :reason)
        AND (CAST(:age_s AS float8) IS NULL
             OR j.finished_at < now() - make_interval(secs => :age_s))
        AND (CAST(:job_ids AS bigint[]) IS NULL OR j.id = ANY(CAST(:job_ids AS bigint[])))
"""
# Where the page before ended. Spelt out beside the whole, since an index serves it alone.
_AFTER = """
        AND j.collection_id >= :after_collection
        AND (j.collection_id, j.error, j.id) > (:after_collection, :after_error, :after_id)
"""
_ORDER = "ORDER BY j.collection_id, j.error, j.id LIMIT :n"

_FAILED = """
    SELECT j.id, c.name AS collection, j.image_id, j.reference, j.error, j.message, j.attempts,
        j.worker, j.created_at, j.finished_at,
        EXISTS (SELECT FROM lookalike.images i WHERE i.id = j.image_id AND i.job_id = j.id)
            AS is_last
    FROM lookalike.jobs j JOIN lookalike.collections c ON c.id = j.collection_id
"""

_REASONS = f"""
    SELECT c.name AS collection, r.error AS reason, r.n, j.message AS example
    FROM (SELECT j.collection_id, j.error, count(*) AS n, max(j.id) AS last_id
          FROM lookalike.jobs j {_SELECTED} GROUP BY j.collection_id, j.error) r
    JOIN lookalike.jobs j ON j.id = r.last_id
    JOIN lookalike.collections c ON c.id = r.collection_id
    ORDER BY r.n DESC, c.name, r.error
"""

# With the image's row locked, nobody gives it a new job meanwhile: an image has one open job at
# most. Who holds one of these rows now has other plans with it; waiting could be a deadlock.
_RETRY = f"""
    UPDATE lookalike.jobs SET status = 'queued', attempts = 0, available_at = now(),
        finished_at = NULL, lease = NULL
    WHERE id = ANY (ARRAY (
        SELECT j.id FROM lookalike.jobs j
        JOIN lookalike.images i ON i.id = j.image_id AND i.job_id = j.id
        {_SELECTED} {_ORDER} FOR NO KEY UPDATE OF i, j SKIP LOCKED))
"""

_DISCARD = f"""
    DELETE FROM lookalike.jobs WHERE id = ANY (ARRAY (
        SELECT j.id FROM lookalike.jobs j {_SELECTED} {_ORDER} FOR UPDATE SKIP LOCKED))
"""


MARK = "^([1-9][0-9]{0,8}):([A-Za-z]{0,100}):([1-9][0-9]{0,17})$"
"""A page's `next_after`: a collection's id, a reason and a job's id."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which failed jobs: those that fit all that is given, `limit` of them at most."""

    collection: str | None = None
    reason: str | None = None
    older_than_s: float | None = None
    limit: int | None = None
    job_ids: tuple[int, ...] | None = None

    @property
    def is_everything(self) -> bool:
        return self == Selection()


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed for good; `image_id` is None for a query image.

    Only an image's last job (`is_last`) can be tried again.
    """

    id: int
    collection: str
    image_id: int | None
    reference: str
    error: str | None
    message: str | None
    attempts: int
    worker: str | None
    created_at: datetime
    finished_at: datetime
    is_last: bool

    @property
    def is_query(self) -> bool:
        return self.image_id is None


@dataclass(frozen=True, slots=True)
class FailedFor:
    """How many jobs of a collection failed for a reason, and the newest one's message."""

    collection: str
    reason: str | None
    n: int
    example: str | None


@dataclass(frozen=True, slots=True)
class FailedPage:
    """Some failed jobs, and how many there are for each reason; `next_after` is None at the end."""

    failures: list[FailedJob]
    reasons: dict[str, int]
    next_after: str | None


def list_failed(connection: Connection, selection: Selection) -> list[FailedJob]:
    """The selected jobs, by collection and reason; raises UnknownCollection."""
    rows = connection.execute(
        text(_FAILED + _SELECTED + _ORDER), _columns(connection, selection, selection.limit)
    )
    return [_failed(row) for row in rows]


def read_page(
    connection: Connection, selection: Selection, *, after: str | None, limit: int
) -> FailedPage:
    """The next of the selected jobs, in the same order; raises UnknownCollection and Rejected."""
    place = {} if after is None else _place(after)
    statement = _FAILED + _SELECTED + (_AFTER if place else "") + _ORDER
    rows = connection.execute(
        text(statement), {**_columns(connection, selection, limit + 1), **place}
    )
    jobs = [_failed(row) for row in rows]
    end = _mark(connection, jobs[limit - 1]) if len(jobs) > limit else None
    reasons: dict[str, int] = {}
    for one in count_by_reason(connection, Selection(selection.collection)):
        reasons[one.reason or ""] = reasons.get(one.reason or "", 0) + one.n
    return FailedPage(jobs[:limit], reasons, end)


def read_failed(connection: Connection, job_id: int) -> FailedJob:
    """One failed job; raises UnknownJob where there is none, or it has not failed."""
    row = connection.execute(
        text(_FAILED + "WHERE j.status = 'failed' AND j.id = :id"), {"id": job_id}
    ).first()
    if row is None:
        (job,) = read_jobs(connection, [job_id])
        raise UnknownJob(
            f"found job {job_id} {job.status}; expected one that failed: `lookalike failed list` "
            "has their ids",
            value=job_id,
        )
    return _failed(row)


def count_by_reason(connection: Connection, selection: Selection) -> list[FailedFor]:
    """The selected jobs counted by collection and reason, the most first; without the limit."""
    rows = connection.execute(text(_REASONS), _columns(connection, selection, None))
    return [FailedFor(**row._asdict()) for row in rows]


def retry(connection: Connection, selection: Selection, *, n: int) -> int:
    """Queue up to `n` of the selected jobs again, with all attempts; how many these were.

    The error stays to be read until the next outcome. Left out are query
    images, nobody waits for them, and jobs whose image has a later one.
    """
    n_jobs = connection.execute(text(_RETRY), _columns(connection, selection, n)).rowcount
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return n_jobs


def discard(connection: Connection, selection: Selection, *, n: int) -> int:
    """Delete up to `n` of the selected jobs; their images stay. How many these were."""
    return connection.execute(text(_DISCARD), _columns(connection, selection, n)).rowcount


def _columns(connection: Connection, selection: Selection, n: int | None) -> dict[str, object]:
    name = selection.collection
    return {
        "collection_id": None if name is None else find_collection(connection, name),
        "reason": selection.reason,
        "age_s": selection.older_than_s,
        "n": n,
        "job_ids": None if selection.job_ids is None else list(selection.job_ids),
    }


def _mark(connection: Connection, job: FailedJob) -> str:
    """A job's place in the order, which also stands when the job is gone."""
    return f"{find_collection(connection, job.collection)}:{job.error or ''}:{job.id}"


def _place(after: str) -> dict[str, object]:
    found = re.fullmatch(MARK, after)
    if found is None:
        raise Rejected(
            f"found {after[:100]!r} for `after`; expected the `next_after` of the page before",
            value=after,
        )
    collection_id, error, job_id = found.groups()
    return {"after_collection": int(collection_id), "after_error": error, "after_id": int(job_id)}


def _failed(row: Row[tuple[object, ...]]) -> FailedJob:
    return FailedJob(**row._asdict())
