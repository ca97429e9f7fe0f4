"""Away with an index, as soon as no search that began before can still use it."""

from __future__ import annotations

import time

from sqlalchemy import Engine, text

from lookalike.database import transaction
from lookalike.indexes import objects

# A search has a plan for the index in hand, or a snapshot in which it serves.
_IN_USE = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_xmin IS NOT NULL AND xact_start < :retired_at
    )
"""
_RETIRED = "SELECT id FROM lookalike.search_indexes WHERE state = 'retired' ORDER BY id"


def drop_indexes(engine: Engine, collection_id: int, space_id: int) -> int:
    """Let searches of a collection in a feature space be exact again; how many indexes went.

    Those that were being built go too.
    """
    with transaction(engine) as connection:
        n_retired = connection.execute(
            text("""
                UPDATE lookalike.search_indexes SET state = 'retired'
                WHERE collection_id = :collection_id AND space_id = :space_id
                    AND state <> 'retired'
            """),
            {"collection_id": collection_id, "space_id": space_id},
        ).rowcount
    drop_retired(engine)
    return n_retired


def drop_retired(engine: Engine, *, timeout_s: float = 60) -> int:
    """Remove what stands for indexes that serve no more; how many of them.

    Behind a transaction that lasts longer than the timeout they stay, and
    go the next time.
    """
    with transaction(engine) as connection:
        ids = connection.scalars(text(_RETIRED)).all()
        retired_at = connection.scalar(text("SELECT clock_timestamp()"))
    deadline = time.monotonic() + timeout_s
    while ids and time.monotonic() < deadline:
        with transaction(engine) as connection:
            if not connection.scalar(text(_IN_USE), {"retired_at": retired_at}):
                for index_id in ids:
                    objects.drop(connection, index_id)
                    connection.execute(
                        text("DELETE FROM lookalike.search_indexes WHERE id = :id"),
                        {"id": index_id},
                    )
                return len(ids)
        time.sleep(0.1)
    return 0
