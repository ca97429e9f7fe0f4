"""How many jobs, images and features there are, kept up by triggers as they change.

Counting a hundred million rows takes minutes; each statement that changes
jobs leaves a row with its difference instead, in the same transaction, so a
sum over few rows is exact. A relay folds them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.jobs import JobStatus, Lane

# A second and more of the fastest fleet, some milliseconds of one index.
_MOST_COUNTED = 10_000

# The newest first, along an index; where there are more than are counted, over a shorter time.
_FINISHED = """
    WITH latest AS MATERIALIZED (
        SELECT collection_id, lane, worker, finished_at FROM lookalike.jobs
        WHERE finished_at > now() - interval '60 s' AND finished_at IS NOT NULL
        ORDER BY finished_at DESC LIMIT :most
    ), counted AS (
        SELECT CASE WHEN count(*) < :most THEN 60.0
            ELSE greatest(0.1, extract(epoch FROM now() - min(finished_at))) END AS window_s
        FROM latest
    )
    SELECT l.collection_id, l.lane, l.worker, count(*) AS n, c.window_s
    FROM latest l CROSS JOIN counted c GROUP BY l.collection_id, l.lane, l.worker, c.window_s
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs of a collection, feature space and lane have a status."""

    collection_id: int
    space_id: int | None
    lane: Lane
    status: JobStatus
    n: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Jobs a second that a worker has brought to an end; None where it is not known which."""

    collection_id: int
    lane: Lane
    worker: str | None
    per_s: float


def read(connection: Connection) -> list[Tally]:
    """All jobs, counted; exact as of the transaction's snapshot."""
    rows = connection.execute(
        text("""
            SELECT collection_id, space_id, lane, what, sum(n) AS n FROM lookalike.tallies
            WHERE lane IS NOT NULL
            GROUP BY collection_id, space_id, lane, what HAVING sum(n) <> 0
        """)
    )
    return [
        Tally(row.collection_id, row.space_id, Lane(row.lane), JobStatus(row.what), int(row.n))
        for row in rows
    ]


def space_names(connection: Connection) -> dict[int, str]:
    """How people and metrics call each feature space, by its id."""
    rows = connection.execute(
        text("SELECT id, encoder || '@' || left(digest, 12) AS name FROM lookalike.feature_spaces")
    )
    return {row.id: row.name for row in rows}


def count_open(connection: Connection, collection_id: int | None = None) -> int:
    """Jobs that are neither done nor failed, of one collection or of all."""
    return int(
        connection.scalar(
            text("""
                SELECT coalesce(sum(n), 0) FROM lookalike.tallies
                WHERE what IN ('queued', 'retry', 'leased')
                    AND (CAST(:id AS integer) IS NULL OR collection_id = :id)
            """),
            {"id": collection_id},
        )
        or 0
    )


def count_features(connection: Connection, collection_id: int, space_id: int) -> int:
    """Images of a collection that have features in a feature space."""
    return int(
        connection.scalar(
            text("""
                SELECT coalesce(sum(n), 0) FROM lookalike.tallies
                WHERE what = 'features' AND collection_id = :collection_id AND space_id = :space_id
            """),
            {"collection_id": collection_id, "space_id": space_id},
        )
        or 0
    )


def finished(connection: Connection) -> list[Finished]:
    """What was done or failed in the last minute, or the last jobs of it where these are many."""
    rows = connection.execute(text(_FINISHED), {"most": _MOST_COUNTED})
    return [
        Finished(row.collection_id, Lane(row.lane), row.worker, float(row.n / row.window_s))
        for row in rows
    ]


def rate(connection: Connection, collection_id: int | None = None) -> float:
    """Jobs a second that were finished in the last minute, of one collection or of all."""
    return sum(
        one.per_s
        for one in finished(connection)
        if collection_id is None or one.collection_id == collection_id
    )


def fold(connection: Connection) -> None:
    """Add the changes up, so that there are few rows to read."""
    connection.execute(text("SELECT lookalike.fold_tallies()"))
