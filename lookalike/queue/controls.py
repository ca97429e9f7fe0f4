"""What operators ask for: which lanes are paused, and how many jobs may be open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from lookalike.jobs import Lane
from lookalike.queue import windows
from lookalike.queue.limits import EVERY
from lookalike.tables import JOBS_CHANNEL

_PAUSE = """
    INSERT INTO lookalike.controls AS c (collection_id, paused) VALUES (:id, :paused)
    ON CONFLICT (collection_id) DO UPDATE SET changed_at = now(),
        paused = CASE WHEN c.paused = 'all' THEN 'all' ELSE excluded.paused END
    RETURNING paused
"""

_IN_HAND = """
    SELECT l.worker, count(*) AS n_jobs, min(coalesce(l.claimed_at, l.leased_at)) AS since
    FROM (SELECT *, unnest(job_ids) AS job_id FROM lookalike.leases) l
    JOIN lookalike.jobs j ON j.id = l.job_id AND j.lease = l.id AND j.status = 'leased'
    GROUP BY l.worker ORDER BY l.worker NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class Control:
    """What is asked for one collection, or for all: `paused` is None, `bulk` or `all`."""

    paused: str | None = None
    max_open: int | None = None

    def pauses(self, lane: Lane) -> bool:
        return self.paused == "all" or (self.paused == "bulk" and lane is Lane.BULK)

    def is_reached(self, n_open: int) -> bool:
        return self.max_open is not None and n_open >= self.max_open


@dataclass(frozen=True, slots=True)
class InHand:
    """Jobs that a worker holds; those of no worker wait in Redis. The oldest is held `since`."""

    worker: str | None
    n_jobs: int
    since: datetime


def read_controls(connection: Connection) -> dict[int, Control]:
    """The controls by collection id; EVERY one's are those for all together."""
    rows = connection.execute(
        text("SELECT collection_id, paused, max_open FROM lookalike.controls")
    )
    return {row.collection_id: Control(row.paused, row.max_open) for row in rows}


def pause(connection: Connection, collection_id: int = EVERY, *, all_lanes: bool = False) -> str:
    """Lease nothing more of the bulk lane, or of any; gives what is paused now: `bulk` or `all`.

    Pausing never lifts a wider pause. What is leased already goes on.
    """
    return str(
        connection.scalar(
            text(_PAUSE), {"id": collection_id, "paused": "all" if all_lanes else "bulk"}
        )
    )


def settle(connection: Connection) -> None:
    """Wait, after a pause was committed, until nobody leases who has not seen it."""
    windows.wait_for_turns(connection)


def resume(connection: Connection, collection_id: int = EVERY) -> bool:
    """Lift the pause of a collection, or the one of all together; whether there was one."""
    n = connection.execute(
        text("""
            UPDATE lookalike.controls SET paused = NULL, changed_at = now()
            WHERE collection_id = :id AND paused IS NOT NULL
        """),
        {"id": collection_id},
    ).rowcount
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return n > 0


def in_hand(connection: Connection) -> list[InHand]:
    """The leased jobs, by worker."""
    return [InHand(**row._asdict()) for row in connection.execute(text(_IN_HAND))]
