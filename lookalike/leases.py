"""Jobs out: lease them, claim them, keep them, take them back from the dead.

queued ── lease ──► leased ── claim ──► leased and claimed ── outcome ──► done | retry | failed
   ▲                  │ lease ran out: back, no attempt counted   │
   └──────────────────┘                                           │ lease ran out: WorkerLost
retry ◄───────────────────────────────────────────────────────────┘

All times are the database's, so no machine's clock matters.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.images import ImageRef
from lookalike.jobs import Chunk, ClaimedJob, Lane
from lookalike.retries import RetryPolicy
from lookalike.tables import JOBS_CHANNEL, OUTCOMES_CHANNEL

_LEASE = """
    WITH picked AS (
        SELECT id FROM lookalike.jobs
        WHERE status IN ('queued', 'retry')
            AND space_id = :space_id AND lane = :lane AND available_at <= now()
        ORDER BY available_at, id LIMIT :n FOR UPDATE SKIP LOCKED
    )
    UPDATE lookalike.jobs j
    SET status = 'leased', lease = :lease, leased_at = now(), claimed_at = NULL, worker = NULL,
        lease_until = now() + make_interval(secs => :lease_s)
    FROM picked WHERE j.id = picked.id
    RETURNING j.id, j.attempts
"""

# A message that was sent before a newer lease, or delivered twice, claims nothing.
_CLAIM = """
    UPDATE lookalike.jobs
    SET claimed_at = clock_timestamp(), worker = :worker, attempts = attempts + 1,
        lease_until = now() + make_interval(secs => :lease_s)
    WHERE id = ANY(:ids) AND lease = :lease AND status = 'leased' AND claimed_at IS NULL
    RETURNING id, lease, lane, reference, attempts
"""

_EXPIRED = """
    SELECT id, attempts, claimed_at IS NOT NULL AS is_claimed, worker
    FROM lookalike.jobs WHERE status = 'leased' AND lease_until < now()
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
"""

_LOST = """
    UPDATE lookalike.jobs j
    SET status = CASE WHEN l.wait_s IS NULL THEN 'failed' ELSE 'retry' END,
        available_at = now() + make_interval(secs => coalesce(l.wait_s, 0)),
        finished_at = CASE WHEN l.wait_s IS NULL THEN now() END,
        error = 'WorkerLost', message = l.message, lease = NULL, lease_until = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:waits AS double precision[]),
                CAST(:messages AS text[])) AS l (id, wait_s, message)
    WHERE j.id = l.id
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """How many leases were taken back: never claimed, to be tried again, failed for good."""

    n_unclaimed: int = 0
    n_retried: int = 0
    n_failed: int = 0


def lease_jobs(
    connection: Connection, space_id: int, lane: Lane, *, n: int, chunk_size: int, lease_s: float
) -> list[Chunk]:
    """Lease up to `n` jobs that are ready, in chunks.

    A job that has been tried before travels alone, so that one which takes
    its worker down takes no other job with it. Many relays may call this
    side by side: none waits for another's rows.
    """
    lease = connection.scalar(text("SELECT nextval('lookalike.lease_numbers')"))
    rows = connection.execute(
        text(_LEASE),
        {"space_id": space_id, "lane": int(lane), "n": n, "lease": lease, "lease_s": lease_s},
    ).all()
    fresh = sorted(row.id for row in rows if row.attempts == 0)
    alone = sorted(row.id for row in rows if row.attempts > 0)
    groups = [fresh[i : i + chunk_size] for i in range(0, len(fresh), chunk_size)]
    groups += [[job_id] for job_id in alone]
    return [Chunk(lease, lane, tuple(group)) for group in groups]


def unlease(connection: Connection, chunks: Sequence[Chunk]) -> None:
    """Give back jobs whose chunk could not be published; no attempt is counted."""
    connection.execute(
        text("""
            UPDATE lookalike.jobs SET status = 'queued', lease = NULL, lease_until = NULL
            WHERE id = ANY(:ids) AND lease = ANY(:leases) AND status = 'leased'
                AND claimed_at IS NULL
        """),
        {
            "ids": [job_id for chunk in chunks for job_id in chunk.job_ids],
            "leases": [chunk.lease for chunk in chunks],
        },
    )


def claim(connection: Connection, chunk: Chunk, *, worker: str, lease_s: float) -> list[ClaimedJob]:
    """Take a chunk's jobs into a worker's hands and count the attempt.

    Jobs whose lease has passed to another message are left out.
    """
    rows = connection.execute(
        text(_CLAIM),
        {"ids": list(chunk.job_ids), "lease": chunk.lease, "worker": worker, "lease_s": lease_s},
    ).all()
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return [
        ClaimedJob(row.id, row.lease, Lane(row.lane), ImageRef(row.reference), row.attempts)
        for row in sorted(rows, key=lambda row: row.id)
    ]


def renew(connection: Connection, job_ids: Sequence[int], *, worker: str, lease_s: float) -> int:
    """Prolong the leases of jobs that a worker really holds; how many these are.

    By id: a claim whose answer was lost with its connection must run out.
    """
    return connection.execute(
        text("""
            UPDATE lookalike.jobs SET lease_until = now() + make_interval(secs => :lease_s)
            WHERE id IN (SELECT id FROM lookalike.jobs
                         WHERE id = ANY(:ids) AND status = 'leased' AND worker = :worker
                         ORDER BY id FOR UPDATE SKIP LOCKED)
        """),
        {"ids": list(job_ids), "worker": worker, "lease_s": lease_s},
    ).rowcount


def take_back_expired(connection: Connection, policy: RetryPolicy) -> Expired:
    """Free the jobs whose lease has run out: the message was lost, or the worker died."""
    rows = connection.execute(text(_EXPIRED)).all()
    unclaimed = [row.id for row in rows if not row.is_claimed]
    lost = [row for row in rows if row.is_claimed]
    if not rows:
        return Expired()
    connection.execute(
        text("""
            UPDATE lookalike.jobs SET status = 'queued', lease = NULL, lease_until = NULL
            WHERE id = ANY(:ids)
        """),
        {"ids": unclaimed},
    )
    # Jitter, so that jobs which were lost together do not meet in one worker again.
    waits = [policy.wait_s(row.attempts, random.random()) for row in lost]  # noqa: S311
    messages = [
        f"worker {row.worker} died, or was silent past its lease, in attempt {row.attempts}"
        for row in lost
    ]
    connection.execute(
        text(_LOST), {"ids": [row.id for row in lost], "waits": waits, "messages": messages}
    )
    n_failed = waits.count(None)
    if n_failed:
        connection.execute(text(f"NOTIFY {OUTCOMES_CHANNEL}"))
    return Expired(len(unclaimed), len(lost) - n_failed, n_failed)


def count_published(connection: Connection, space_id: int, lane: Lane) -> int:
    """Leased jobs that no worker has claimed: what waits in Redis."""
    return int(
        connection.scalar(
            text("""
                SELECT count(*) FROM lookalike.jobs
                WHERE status = 'leased' AND space_id = :space_id AND lane = :lane
                    AND claimed_at IS NULL
            """),
            {"space_id": space_id, "lane": int(lane)},
        )
        or 0
    )


def purge_queries(connection: Connection, *, older_than_s: float = 3600) -> int:
    """Delete finished query jobs with their features, and uploads that nothing refers to."""
    n_jobs = connection.execute(
        text("""
            DELETE FROM lookalike.jobs WHERE image_id IS NULL AND status IN ('done', 'failed')
                AND finished_at < now() - make_interval(secs => :age_s)
        """),
        {"age_s": older_than_s},
    ).rowcount
    connection.execute(
        text("""
            DELETE FROM lookalike.uploads u
            WHERE u.created_at < now() - make_interval(secs => :age_s)
                AND NOT EXISTS (SELECT FROM lookalike.images i
                                WHERE i.reference = 'upload:' || encode(u.image_key, 'hex'))
                AND NOT EXISTS (SELECT FROM lookalike.jobs j
                                WHERE j.reference = 'upload:' || encode(u.image_key, 'hex'))
        """),
        {"age_s": older_than_s},
    )
    return n_jobs
