"""The workers that are alive, as they report themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_LIVE = """
    SELECT w.id, w.space_id, s.encoder || '@' || left(s.digest, 12) AS space, w.description,
           w.batch_size, w.n_held, w.n_done, w.started_at, w.last_seen, w.last_progress
    FROM lookalike.workers w JOIN lookalike.feature_spaces s ON s.id = w.space_id
    WHERE w.last_seen > now() - make_interval(secs => :lease_s)
    ORDER BY w.started_at
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """A live worker; times are the database's. `n_held` are the jobs in its hands.

    `images_per_s` is what it finished in the last minute, where that was asked for.
    """

    id: str
    space_id: int
    space: str
    description: str
    batch_size: int
    n_held: int
    n_done: int
    started_at: datetime
    last_seen: datetime
    last_progress: datetime | None
    images_per_s: float = 0.0


def announce(
    connection: Connection, worker: str, space_id: int, description: str, *, batch_size: int = 16
) -> None:
    """Make a worker known; it counts as alive until its heartbeats stop.

    Chunks for it are as large as its batches.
    """
    connection.execute(
        text("""
            INSERT INTO lookalike.workers (id, space_id, description, batch_size)
            VALUES (:id, :space_id, :description, :batch_size)
        """),
        {
            "id": worker,
            "space_id": space_id,
            "description": description,
            "batch_size": batch_size,
        },
    )
    adopt(connection, space_id)
    connection.execute(text("NOTIFY lookalike_jobs"))


def adopt(connection: Connection, space_id: int) -> None:
    """Give a feature space the collections, and their jobs, that were made while none was served.

    Repeated with every heartbeat: an image may be enqueued while a worker starts.
    """
    connection.execute(
        text("UPDATE lookalike.collections SET space_id = :space_id WHERE space_id IS NULL"),
        {"space_id": space_id},
    )
    connection.execute(
        text("""
            UPDATE lookalike.jobs j SET space_id = c.space_id FROM lookalike.collections c
            WHERE j.space_id IS NULL AND j.status IN ('queued', 'retry')
                AND c.id = j.collection_id AND c.space_id IS NOT NULL
        """)
    )


def heartbeat(
    connection: Connection, worker: str, space_id: int, *, n_done: int, n_held: int
) -> None:
    """Report that a worker lives, how many images it has finished and how many it holds."""
    adopt(connection, space_id)
    connection.execute(
        text("""
            UPDATE lookalike.workers
            SET last_seen = now(), n_done = :n_done, n_held = :n_held,
                last_progress = CASE WHEN :n_done > n_done THEN now() ELSE last_progress END
            WHERE id = :id
        """),
        {"id": worker, "n_done": n_done, "n_held": n_held},
    )


def leave(connection: Connection, worker: str) -> None:
    """Take a worker off the list, at its clean end."""
    connection.execute(text("DELETE FROM lookalike.workers WHERE id = :id"), {"id": worker})


def live_workers(connection: Connection, *, lease_s: float) -> list[Worker]:
    """The workers heard of within the last lease, oldest first."""
    rows = connection.execute(text(_LIVE), {"lease_s": lease_s})
    return [Worker(**row._asdict()) for row in rows]


def forget_dead(connection: Connection, *, older_than_s: float = 86400) -> None:
    """Delete the rows of workers that died a day ago."""
    connection.execute(
        text("""
            DELETE FROM lookalike.workers
            WHERE last_seen < now() - make_interval(secs => :age_s)
        """),
        {"age_s": older_than_s},
    )
