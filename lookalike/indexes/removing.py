"""Away with an index, as soon as no search that began before can still use it."""

from __future__ import annotations

from sqlalchemy import Engine, text

from lookalike.database import transaction
from lookalike.database.older import moment, wait_for_older
from lookalike.indexes import objects

_RETIRED = "SELECT id FROM lookalike.search_indexes WHERE state = 'retired' ORDER BY id"


def drop_indexes(engine: Engine, collection_id: int, space_id: int | None = None) -> int:
    """Let searches of a collection be exact again, in one feature space or in all; how many went.

    Those that were being built go too.
    """
    with transaction(engine) as connection:
        n_retired = connection.execute(
            text("""
                UPDATE lookalike.search_indexes SET state = 'retired'
                WHERE collection_id = :collection_id AND state <> 'retired'
                    AND (CAST(:space_id AS integer) IS NULL OR space_id = :space_id)
            """),
            {"collection_id": collection_id, "space_id": space_id},
        ).rowcount
    drop_retired(engine)
    return n_retired


def drop_retired(engine: Engine, *, timeout_s: float = 60) -> int:
    """Remove what stands for indexes that serve no more; how many of them.

    A search has a plan for one in hand, or a snapshot in which it serves.
    Behind a transaction that lasts longer than the timeout they stay, and go
    the next time.
    """
    with transaction(engine) as connection:
        ids = connection.scalars(text(_RETIRED)).all()
        retired_at = moment(connection)
    if not ids or not wait_for_older(engine, retired_at, snapshots_only=True, timeout_s=timeout_s):
        return 0
    for index_id in ids:
        with transaction(engine) as connection:
            objects.drop(connection, index_id)
            connection.execute(
                text("DELETE FROM lookalike.search_indexes WHERE id = :id"), {"id": index_id}
            )
    return len(ids)
