"""What is forgotten, and when: finished jobs, query images, uploads that nothing needs."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction

# One transaction deletes so many: short enough that nobody waits for its locks.
_PORTION = 5000


def prune_jobs(engine: Engine, *, older_than_s: float) -> int:
    """Delete jobs that were done so long ago, a portion a transaction; how many these were.

    Images and features stay. Failed jobs stay too, until somebody retries
    or discards them. The oldest go first, along an index, so neither the
    history's length nor the backlog's matters.
    """
    n_pruned = 0
    while True:
        with transaction(engine) as connection:
            n = connection.execute(
                text("""
                    DELETE FROM lookalike.jobs WHERE id IN (
                        SELECT id FROM lookalike.jobs
                        WHERE finished_at < now() - make_interval(secs => :age_s)
                            AND finished_at IS NOT NULL AND status = 'done'
                        ORDER BY finished_at LIMIT :n FOR UPDATE SKIP LOCKED)
                """),
                {"age_s": older_than_s, "n": _PORTION},
            ).rowcount
        n_pruned += n
        if n < _PORTION:
            return n_pruned


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
