"""Backpressure at the door: how many jobs may be open, by collection and in all."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from lookalike.database import tallies
from lookalike.errors import BacklogFull

EVERY = 0
"""Stands for all collections in the table `controls`."""

# A producer asks again between these, whatever the rate says.
_LEAST_WAIT_S, _MOST_WAIT_S = 1, 300

# One that does not exist yet has no limit of its own. By its name it is looked up only where
# there is any limit.
_LIMITS = """
    SELECT collection_id, max_open FROM lookalike.controls
    WHERE max_open IS NOT NULL AND (collection_id = :every
        OR collection_id = (SELECT id FROM lookalike.collections WHERE name = :collection))
"""


def set_limit(connection: Connection, collection_id: int, max_open: int | None) -> None:
    """Limit the open jobs of a collection, or of EVERY one together; None lifts the limit."""
    connection.execute(
        text("""
            INSERT INTO lookalike.controls (collection_id, max_open) VALUES (:id, :max_open)
            ON CONFLICT (collection_id) DO UPDATE
                SET max_open = excluded.max_open, changed_at = now()
        """),
        {"id": collection_id, "max_open": max_open},
    )


def room(connection: Connection, collection: str) -> int | None:
    """For how many more jobs there is room; None without a limit."""
    found = _counted(connection, collection)
    return min((max(0, max_open - n_open) for _, n_open, max_open in found), default=None)


def check_room(connection: Connection, collection: str, n_jobs: int) -> None:
    """Raise BacklogFull where `n_jobs` more would exceed a limit.

    Without limits it reads an empty table. Producers that ask at the same
    moment do not see each other's jobs, so together they may exceed a
    limit by what each brings.
    """
    for which, n_open, max_open in _counted(connection, collection):
        excess = n_open + n_jobs - max_open
        if excess > 0:
            where = "in all" if which is None else f"in the collection {collection!r}"
            raise BacklogFull(
                f"found {n_open:,} open jobs {where}, and {n_jobs:,} more to enqueue; expected at "
                f"most {max_open:,}: enqueue fewer at a time, try again later, or raise the limit "
                "with `lookalike limit`",
                value=n_open,
                retry_in_s=_wait_s(connection, which, excess),
                n_room=max(0, max_open - n_open),
            )


def smallest(connection: Connection, collection_id: int) -> int | None:
    """How many jobs may be open where this collection's are counted; None without a limit."""
    found = connection.scalar(
        text("""
            SELECT min(max_open) FROM lookalike.controls WHERE collection_id IN (:every, :id)
        """),
        {"every": EVERY, "id": collection_id},
    )
    return None if found is None else int(found)


def _counted(connection: Connection, collection: str) -> Iterator[tuple[int | None, int, int]]:
    """The limits: of which collection, or None for all, its open jobs and how many may be."""
    values = {"every": EVERY, "collection": collection}
    for limited_id, max_open in connection.execute(text(_LIMITS), values).all():
        which = None if limited_id == EVERY else limited_id
        yield which, tallies.count_open(connection, which), max_open


def _wait_s(connection: Connection, collection_id: int | None, n_jobs: int) -> float:
    """How long so many jobs take, at the rate of the last minute."""
    per_s = tallies.rate(connection, collection_id)
    return min(_MOST_WAIT_S, max(_LEAST_WAIT_S, n_jobs / per_s)) if per_s else _MOST_WAIT_S
