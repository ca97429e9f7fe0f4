"""How many jobs and images there are, kept up by triggers as they change.

Counting a hundred million rows takes minutes; each statement that changes
jobs leaves a row with its difference instead, in the same transaction, so a
sum over few rows is exact. A relay folds them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.jobs import JobStatus, Lane


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs of a collection, feature space and lane have a status."""

    collection_id: int
    space_id: int | None
    lane: Lane
    status: JobStatus
    n: int


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


def rate(connection: Connection, collection_id: int | None = None) -> float:
    """Jobs a second that were finished in the last minute, of one collection or of all."""
    return float(
        connection.scalar(
            text("""
                SELECT count(*) / 60.0 FROM lookalike.jobs
                WHERE finished_at > now() - interval '60 s' AND finished_at IS NOT NULL
                    AND (CAST(:id AS integer) IS NULL OR collection_id = :id)
            """),
            {"id": collection_id},
        )
        or 0
    )


def fold(connection: Connection) -> None:
    """Add the changes up, so that there are few rows to read."""
    connection.execute(text("SELECT lookalike.fold_tallies()"))
