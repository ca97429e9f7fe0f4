"""What is forgotten, and when: finished jobs, query images, uploads that nothing needs."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.tables import OUTCOMES_CHANNEL

PORTION = 5000
"""One transaction changes so many jobs: short enough that nobody waits for its locks."""

# Along an index, from where the last portion ended. As an array, so that a portion is looked up
# by its ids, which the planner would else compare with the whole table.
_DONE = """
    WITH gone AS (
        DELETE FROM lookalike.jobs WHERE id = ANY (ARRAY (
            SELECT id FROM lookalike.jobs
            WHERE finished_at IS NOT NULL AND finished_at >= :since AND status = 'done'
                AND (CAST(:age_s AS float8) IS NULL
                     OR finished_at < now() - make_interval(secs => :age_s))
                AND (CAST(:collection_id AS integer) IS NULL OR collection_id = :collection_id)
            ORDER BY finished_at LIMIT :n FOR UPDATE SKIP LOCKED))
        RETURNING finished_at
    )
    SELECT count(*) AS n, max(finished_at) AS since FROM gone
"""

# The order is that of `jobs_ready_idx`.
_WAITING = """
    DELETE FROM lookalike.jobs WHERE id = ANY (ARRAY (
        SELECT id FROM lookalike.jobs
        WHERE status IN ('queued', 'retry')
            AND (CAST(:age_s AS float8) IS NULL
                 OR created_at < now() - make_interval(secs => :age_s))
            AND (CAST(:collection_id AS integer) IS NULL OR collection_id = :collection_id)
        ORDER BY space_id, lane, collection_id, available_at, id
        LIMIT :n FOR UPDATE SKIP LOCKED))
"""


def prune_jobs(
    engine: Engine, *, older_than_s: float | None, collection_id: int | None = None
) -> int:
    """Delete jobs that were done so long ago, a portion a transaction; how many these were.

    Images and features stay. Failed jobs stay too, until somebody retries
    or discards them. The oldest go first, along an index, so neither the
    history's length nor the backlog's matters.
    """
    n_pruned = 0
    since = datetime.min.replace(tzinfo=UTC)
    while True:
        with transaction(engine) as connection:
            gone = connection.execute(
                text(_DONE),
                {
                    "age_s": older_than_s,
                    "collection_id": collection_id,
                    "since": since,
                    "n": PORTION,
                },
            ).one()
        n_pruned += int(gone.n)
        if gone.n < PORTION:
            return n_pruned
        since = gone.since


def cancel_waiting(
    engine: Engine, *, older_than_s: float | None, collection_id: int | None = None
) -> int:
    """Delete jobs that nobody has taken yet, a portion a transaction; how many these were.

    Their images stay, without features. What is leased goes on.
    """
    chosen = {"age_s": older_than_s, "collection_id": collection_id, "n": PORTION}
    n_cancelled = 0
    while True:
        with transaction(engine) as connection:
            n = connection.execute(text(_WAITING), chosen).rowcount
            # Who waits for one of them learns that it is gone.
            connection.execute(text(f"NOTIFY {OUTCOMES_CHANNEL}"))
        n_cancelled += n
        if n < PORTION:
            return n_cancelled


def purge_queries(connection: Connection, *, older_than_s: float = 3600) -> int:
    """Delete finished query jobs with their features and uploads; how many jobs these were."""
    return int(
        connection.scalar(
            text("""
                WITH gone AS (
                    DELETE FROM lookalike.jobs
                    WHERE image_id IS NULL AND status IN ('done', 'failed')
                        AND finished_at < now() - make_interval(secs => :age_s)
                    RETURNING id, reference
                ), freed AS (
                    DELETE FROM lookalike.uploads u USING gone g
                    WHERE g.reference LIKE 'upload:%'
                        AND u.image_key = decode(substr(g.reference, 8), 'hex')
                        AND u.created_at < now() - make_interval(secs => :age_s)
                        AND NOT EXISTS (
                            SELECT FROM lookalike.images i
                            WHERE i.reference LIKE 'upload:%' AND i.reference = g.reference
                        ) AND NOT EXISTS (
                            SELECT FROM lookalike.jobs j
                            WHERE j.image_id IS NULL AND j.reference = g.reference
                                AND j.status NOT IN ('done', 'failed')
                        )
                )
                SELECT count(*) FROM gone
            """),
            {"age_s": older_than_s},
        )
        or 0
    )


def purge_uploads(connection: Connection, *, older_than_s: float = 3600) -> int:
    """Delete uploads that no image and no job refers to; it reads the list of all uploads."""
    return connection.execute(
        text("""
            DELETE FROM lookalike.uploads u
            WHERE u.created_at < now() - make_interval(secs => :age_s)
                AND NOT EXISTS (
                    SELECT FROM lookalike.images i
                    WHERE i.reference LIKE 'upload:%'
                        AND i.reference = 'upload:' || encode(u.image_key, 'hex')
                ) AND NOT EXISTS (
                    SELECT FROM lookalike.jobs j
                    WHERE j.image_id IS NULL
                        AND j.reference = 'upload:' || encode(u.image_key, 'hex')
                )
        """),
        {"age_s": older_than_s},
    ).rowcount
