"""Jobs out: lease them, claim them, keep them, take them back from the dead.

queued ── lease ──► leased ── claim ──► leased and claimed ── outcome ──► done | retry | failed
   ▲                  │ lease ran out: back, no attempt counted   │
   └──────────────────┘                                           │ lease ran out: WorkerLost
retry ◄───────────────────────────────────────────────────────────┘

A lease is one row for a whole chunk, so that a claim, a renewal and the look
for what has run out touch one row instead of a chunk's jobs. All times are
the database's, so no machine's clock matters. Whoever locks leases and jobs
locks the leases first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.images import ImageRef
from lookalike.jobs import Chunk, ClaimedJob, Lane
from lookalike.queue.retries import RetryPolicy
from lookalike.tables import JOBS_CHANNEL, OUTCOMES_CHANNEL

# A message that was sent before a newer lease, or delivered twice, claims nothing.
_CLAIM = """
    WITH mine AS (
        UPDATE lookalike.leases
        SET claimed_at = clock_timestamp(), worker = :worker,
            expires_at = now() + make_interval(secs => :lease_s)
        WHERE id = :lease AND claimed_at IS NULL
        RETURNING id, job_ids
    )
    SELECT j.id, j.lease, j.lane, j.reference, j.attempts + 1 AS attempts, j.trace_parent,
        extract(epoch FROM clock_timestamp() - j.available_at)::float8 AS waited_s
    FROM mine m JOIN lookalike.jobs j ON j.id = ANY(m.job_ids)
    WHERE j.lease = m.id AND j.status = 'leased' ORDER BY j.id
"""

_GIVE_BACK = """
    WITH ended AS (
        DELETE FROM lookalike.leases
        WHERE id IN (SELECT id FROM lookalike.leases
                     WHERE {which} ORDER BY id FOR UPDATE SKIP LOCKED)
        RETURNING id, job_ids
    )
    UPDATE lookalike.jobs j
    SET status = CASE WHEN j.attempts = 0 THEN 'queued' ELSE 'retry' END, lease = NULL
    FROM (SELECT id, unnest(job_ids) AS job_id FROM ended) e
    WHERE j.id = e.job_id AND j.lease = e.id AND j.status = 'leased'
"""

_EXPIRED = """
    WITH ended AS (
        DELETE FROM lookalike.leases
        WHERE id IN (SELECT id FROM lookalike.leases
                     WHERE expires_at < now() AND claimed_at IS NOT NULL
                     ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
        RETURNING id, job_ids, leased_at, claimed_at, worker
    )
    SELECT j.id, j.lease, j.attempts + 1 AS attempts, e.worker, e.leased_at, e.claimed_at
    FROM (SELECT *, unnest(job_ids) AS job_id FROM ended) e
    JOIN lookalike.jobs j ON j.id = e.job_id
    WHERE j.lease = e.id AND j.status = 'leased' ORDER BY j.id FOR UPDATE OF j
"""

_LOST = """
    UPDATE lookalike.jobs j
    SET status = CASE WHEN l.wait_s IS NULL THEN 'failed' ELSE 'retry' END,
        attempts = j.attempts + 1, lease = NULL,
        available_at = now() + make_interval(secs => coalesce(l.wait_s, 0)),
        finished_at = CASE WHEN l.wait_s IS NULL THEN now() END,
        worker = l.worker, leased_at = l.leased_at, claimed_at = l.claimed_at,
        error = 'WorkerLost',
        message = format('worker %s died, or was silent past its lease, in attempt %s',
                         l.worker, j.attempts + 1)
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:waits AS double precision[]), CAST(:workers AS text[]),
        CAST(:leased AS timestamptz[]), CAST(:claimed AS timestamptz[])
    ) AS l (id, wait_s, worker, leased_at, claimed_at)
    WHERE j.id = l.id
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """How many jobs were taken back: never claimed, to be tried again, failed for good."""

    n_unclaimed: int = 0
    n_retried: int = 0
    n_failed: int = 0

    @property
    def n_jobs(self) -> int:
        return self.n_unclaimed + self.n_retried + self.n_failed


def claim(connection: Connection, chunk: Chunk, *, worker: str, lease_s: float) -> list[ClaimedJob]:
    """Take a chunk's jobs into a worker's hands.

    A chunk whose lease has run out, or is claimed already, gives none.
    """
    rows = connection.execute(
        text(_CLAIM), {"lease": chunk.lease, "worker": worker, "lease_s": lease_s}
    ).all()
    # There is room in the window again.
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return [
        ClaimedJob(
            row.id,
            row.lease,
            Lane(row.lane),
            ImageRef(row.reference),
            row.attempts,
            max(0.0, row.waited_s),
            row.trace_parent,
        )
        for row in rows
    ]


def renew(connection: Connection, leases: Sequence[int], *, worker: str, lease_s: float) -> int:
    """Prolong the leases that a worker really holds; how many these are.

    By number: a claim whose answer was lost with its connection must run out.
    """
    return connection.execute(
        text("""
            UPDATE lookalike.leases SET expires_at = now() + make_interval(secs => :lease_s)
            WHERE id IN (SELECT id FROM lookalike.leases
                         WHERE id = ANY(:leases) AND worker = :worker
                         ORDER BY id FOR UPDATE SKIP LOCKED)
        """),
        {"leases": list(leases), "worker": worker, "lease_s": lease_s},
    ).rowcount


def give_back(connection: Connection, leases: Sequence[int], *, worker: str | None = None) -> int:
    """Let the open jobs of these leases wait again, with no attempt counted; how many these are.

    Only of leases that nobody has claimed, or this worker.
    """
    which = "id = ANY(:leases) AND (claimed_at IS NULL OR worker = :worker)"
    n_jobs = connection.execute(
        text(_GIVE_BACK.format(which=which)), {"leases": list(leases), "worker": worker}
    ).rowcount
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return n_jobs


def take_back_published(connection: Connection) -> int:
    """Let all jobs wait again that no worker has claimed: Redis has lost its memory.

    Where a message still arrives, its claim finds no lease; no job is
    embedded twice for it.
    """
    return connection.execute(text(_GIVE_BACK.format(which="claimed_at IS NULL"))).rowcount


def take_back_expired(connection: Connection, policy: RetryPolicy) -> Expired:
    """Free the jobs whose lease has run out: the message was lost, or the worker died."""
    n_unclaimed = connection.execute(
        text(_GIVE_BACK.format(which="claimed_at IS NULL AND expires_at < now()"))
    ).rowcount
    lost = connection.execute(text(_EXPIRED)).all()
    if not lost:
        return Expired(n_unclaimed)
    # Jitter, so that jobs which were lost together do not meet in one worker again.
    waits = [policy.wait_s(row.attempts, random.random()) for row in lost]  # noqa: S311
    connection.execute(
        text(_LOST),
        {
            "ids": [row.id for row in lost],
            "waits": waits,
            "workers": [row.worker for row in lost],
            "leased": [row.leased_at for row in lost],
            "claimed": [row.claimed_at for row in lost],
        },
    )
    n_failed = waits.count(None)
    if n_failed:
        connection.execute(text(f"NOTIFY {OUTCOMES_CHANNEL}"))
    return Expired(n_unclaimed, len(lost) - n_failed, n_failed)


def oldest_published_s(connection: Connection, space_id: int) -> float | None:
    """For how long the oldest chunk of a feature space waits in Redis for a worker, if one does.

    A chunk whose lease has run out is not counted: its relay is dead, or late.
    """
    age_s = connection.scalar(
        text("""
            SELECT extract(epoch FROM now() - min(leased_at))::float8 FROM lookalike.leases
            WHERE space_id = :space_id AND claimed_at IS NULL AND expires_at > now()
        """),
        {"space_id": space_id},
    )
    return None if age_s is None else float(age_s)
