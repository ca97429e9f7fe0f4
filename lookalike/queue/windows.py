"""What goes out next: how much room the workers have, and whose jobs fill it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.jobs import Chunk, Lane

# Leased in one statement at most: a window of a thousand workers is no single transaction.
_MOST_LEASED = 4096

# Two workers died with it: one more will, or it was twice in bad company. Suspects go out one at
# a time, so that the innocent are with the guilty in no third worker.
_IS_SUSPECT = "coalesce(j.error = 'WorkerLost' AND j.attempts >= 2, false)"

# Each collection that waits gets the same share, whatever its length: an import of a million
# images does not starve one of ten. The recursion steps from collection to collection along
# the index, so the backlog's length costs nothing.
_PICK = """
    WITH RECURSIVE waiting (collection_id) AS (
        (SELECT collection_id FROM lookalike.jobs
         WHERE status IN ('queued', 'retry') AND space_id = :space_id AND lane = :lane
         ORDER BY collection_id LIMIT 1)
        UNION ALL
        SELECT (SELECT j.collection_id FROM lookalike.jobs j
                WHERE j.status IN ('queued', 'retry') AND j.space_id = :space_id
                    AND j.lane = :lane AND j.collection_id > w.collection_id
                ORDER BY j.collection_id LIMIT 1)
        FROM waiting w WHERE w.collection_id IS NOT NULL
    ), served AS (
        SELECT w.collection_id FROM waiting w
        WHERE EXISTS (
            SELECT FROM lookalike.jobs j
            WHERE j.status IN ('queued', 'retry') AND j.space_id = :space_id AND j.lane = :lane
                AND j.collection_id = w.collection_id AND j.available_at <= now()
        ) AND NOT EXISTS (
            SELECT FROM lookalike.controls c WHERE c.collection_id IN (0, w.collection_id)
                AND (c.paused = 'all' OR (c.paused = 'bulk' AND :lane = 1))
        )
        -- Where there are more collections than room, chance decides whose turn it is.
        ORDER BY random() LIMIT :n
    ), suspect AS (
        SELECT EXISTS (
            SELECT FROM lookalike.leases l JOIN lookalike.jobs j ON j.id = l.job_ids[1]
            WHERE l.space_id = :space_id AND cardinality(l.job_ids) = 1 AND {suspect}
        ) AS is_out
    )
    SELECT job.id, job.attempts, job.trace_parent, job.is_suspect
    FROM served s CROSS JOIN LATERAL (
        SELECT j.id, j.attempts, j.trace_parent, {suspect} AS is_suspect FROM lookalike.jobs j
        WHERE j.status IN ('queued', 'retry') AND j.space_id = :space_id AND j.lane = :lane
            AND j.collection_id = s.collection_id AND j.available_at <= now()
            AND NOT ({suspect} AND (SELECT is_out FROM suspect))
        ORDER BY j.available_at, j.id
        LIMIT (SELECT ceil(CAST(:n AS numeric) / count(*)) FROM served)
        FOR UPDATE SKIP LOCKED
    ) job LIMIT :n
""".replace("{suspect}", _IS_SUSPECT)

_LEASE = """
    WITH made AS (
        INSERT INTO lookalike.leases (space_id, lane, job_ids, expires_at)
        SELECT :space_id, :lane, CAST(ids AS bigint[]), now() + make_interval(secs => :lease_s)
        FROM unnest(CAST(:chunks AS text[])) AS c (ids)
        RETURNING id, job_ids
    ), leased AS (
        UPDATE lookalike.jobs j SET status = 'leased', lease = m.id
        FROM (SELECT id, unnest(job_ids) AS job_id FROM made) m WHERE j.id = m.job_id
    )
    SELECT id FROM made ORDER BY id
"""

_WINDOWS = """
    SELECT w.space_id, count(*) AS n_workers, max(w.batch_size) AS batch_size,
        coalesce((SELECT jsonb_object_agg(p.lane, p.n) FROM (
            SELECT l.lane, sum(cardinality(l.job_ids)) AS n FROM lookalike.leases l
            WHERE l.space_id = w.space_id AND l.claimed_at IS NULL GROUP BY l.lane
        ) p), '{}') AS published
    FROM lookalike.workers w
    WHERE w.last_seen > now() - make_interval(secs => :lease_s)
    GROUP BY w.space_id
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What a feature space's live workers can take, and how many jobs wait for them in Redis."""

    space_id: int
    n_workers: int
    batch_size: int
    published: dict[Lane, int]


def read_windows(connection: Connection, *, lease_s: float) -> list[Window]:
    """One window for each feature space that has a live worker."""
    return [
        Window(
            row.space_id,
            row.n_workers,
            row.batch_size,
            {lane: int(row.published.get(str(int(lane)), 0)) for lane in Lane},
        )
        for row in connection.execute(text(_WINDOWS), {"lease_s": lease_s})
    ]


def take_turn(connection: Connection, space_id: int, lane: Lane) -> bool:
    """Whether no other transaction fills this window now; the turn ends with the transaction.

    Two that counted the same room would together publish twice as much.
    """
    return bool(
        connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtext('lookalike.window'), :which)"),
            {"which": space_id * len(Lane) + int(lane)},
        )
    )


def wait_for_turns(connection: Connection) -> None:
    """Wait until whoever fills a window now has committed.

    What was committed before this call, a pause say, holds for all that is leased after it.
    """
    spaces = connection.scalars(text("SELECT id FROM lookalike.feature_spaces ORDER BY id")).all()
    for which in (space_id * len(Lane) + int(lane) for space_id in spaces for lane in Lane):
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('lookalike.window'), :which)"),
            {"which": which},
        )


def lease_jobs(  # noqa: PLR0913 - what is leased, how much, and for how long
    connection: Connection,
    space_id: int,
    lane: Lane,
    *,
    n: int,
    chunk_size: int,
    lease_s: float,
    n_workers: int = 1,
) -> list[Chunk]:
    """Lease up to `n` jobs that are ready, in chunks, each collection's share alike.

    Few jobs are spread over the workers instead of filling one chunk. A job
    that has been tried before travels alone, so that one which takes its
    worker down takes no other job with it; and of those with which two
    workers died, one is out at a time. Many relays may call this side by
    side: none waits for another's rows.
    """
    picked = {"space_id": space_id, "lane": int(lane), "n": min(n, _MOST_LEASED)}
    rows = connection.execute(text(_PICK), picked).all()
    suspects = [row for row in rows if row.is_suspect]
    rows = [row for row in rows if row not in suspects[1:]]
    if not rows:
        return []
    fresh = sorted(row.id for row in rows if row.attempts == 0)
    spread = max(1, min(chunk_size, -(-len(fresh) // n_workers)))
    groups = [fresh[i : i + spread] for i in range(0, len(fresh), spread)]
    groups += [[row.id] for row in rows if row.attempts > 0]
    leased = connection.scalars(
        text(_LEASE),
        {
            "space_id": space_id,
            "lane": int(lane),
            "chunks": ["{" + ",".join(map(str, group)) + "}" for group in groups],
            "lease_s": lease_s,
        },
    )
    traced = {row.id: row.trace_parent for row in rows if row.trace_parent}
    return [
        Chunk(lease, lane, frozenset(traced[i] for i in group if i in traced))
        for lease, group in zip(leased, groups, strict=True)
    ]
