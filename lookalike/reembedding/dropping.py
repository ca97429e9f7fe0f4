"""The end of a change: features, jobs and indexes in a space that a collection has left.

The row that keeps both spaces goes first, so no search is answered from a
space that is half gone. Whatever is left after a crash is found again:
it is in a space that the collection neither serves nor changes to.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.errors import WaitedTooLong
from lookalike.retention import PORTION
from lookalike.tables import JOBS_CHANNEL

_WRITERS_S = 60.0
_LOOK_S = 0.05

# By the running totals of features and of open jobs.
_LEFT = """
    SELECT t.space_id FROM lookalike.tallies t
    JOIN lookalike.collections c ON c.id = t.collection_id
    WHERE t.collection_id = :id AND t.space_id <> c.space_id
        AND t.what IN ('features', 'queued', 'retry', 'leased')
        AND NOT EXISTS (SELECT FROM lookalike.reembeddings r WHERE r.collection_id = :id)
    GROUP BY t.space_id, t.what HAVING sum(t.n) > 0
    UNION
    SELECT x.space_id FROM lookalike.search_indexes x
    JOIN lookalike.collections c ON c.id = x.collection_id AND c.space_id <> x.space_id
    WHERE x.collection_id = :id
        AND NOT EXISTS (SELECT FROM lookalike.reembeddings r WHERE r.collection_id = :id)
    ORDER BY 1
"""

_WRITERS = """
    SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock'
        AND relation = 'lookalike.images'::regclass AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

# A job of an image that the serving space has not embedded goes there; a worker that still has it
# in hand writes nothing. Queries are answered to the end.
_SETTLE = """
    WITH taken AS MATERIALIZED (
        SELECT j.id, EXISTS (
            SELECT FROM lookalike.features f
            WHERE f.space_id = c.space_id AND f.image_id = j.image_id
        ) AS is_spare, c.space_id
        FROM lookalike.jobs j JOIN lookalike.collections c ON c.id = j.collection_id
        WHERE j.id = ANY(ARRAY(
            SELECT id FROM lookalike.jobs
            WHERE collection_id = :id AND space_id = :space_id AND image_id IS NOT NULL
                AND {which}))
    ), dropped AS (
        DELETE FROM lookalike.jobs WHERE id = ANY(ARRAY(SELECT id FROM taken WHERE is_spare))
    ), moved AS (
        UPDATE lookalike.jobs j SET space_id = t.space_id, status = 'queued', lease = NULL
        FROM taken t WHERE j.id = t.id AND NOT t.is_spare
    )
    SELECT count(*) FROM taken
"""
# What a relay is about to publish is leased next; what is being committed is waited for, so that
# its features are there to be deleted.
_WHICH = (
    "status IN ('queued', 'retry') ORDER BY id LIMIT :n FOR UPDATE SKIP LOCKED",
    "status = 'leased' ORDER BY id LIMIT :n FOR UPDATE",
)

_FEATURES = """
    WITH gone AS (
        DELETE FROM lookalike.features WHERE space_id = :space_id AND image_id = ANY(ARRAY(
            SELECT image_id FROM lookalike.features
            WHERE space_id = :space_id AND collection_id = :id AND image_id > :since
            ORDER BY image_id LIMIT :n))
        RETURNING image_id
    )
    SELECT count(*) AS n, max(image_id) AS since FROM gone
"""

_TAGS = """
    DELETE FROM lookalike.image_tags t USING lookalike.images i
    WHERE t.space_id = :space_id AND i.id = t.image_id AND i.collection_id = :id
"""


def left_spaces(connection: Connection, collection_id: int) -> list[int]:
    """Spaces that the collection has left, with features, open jobs or an index still in them."""
    found = connection.scalars(text(_LEFT), {"id": collection_id}).all()
    return [int(space_id) for space_id in found]


def drop_left(engine: Engine, collection_id: int) -> int:
    """Delete what a collection has in spaces that it has left; how many features these were.

    In portions: nobody waits for long. Raises WaitedTooLong where producers'
    transactions from before do not end; asking again goes on from there.
    """
    wait_for_writers(engine)
    n_features = 0
    while True:
        with transaction(engine) as connection:
            spaces = left_spaces(connection, collection_id)
        if not spaces:
            return n_features
        n_features += sum(_drop(engine, collection_id, space_id) for space_id in spaces)


def wait_for_writers(engine: Engine, *, timeout_s: float = _WRITERS_S) -> None:
    """Wait for transactions that write images now: they may have seen another space serve."""
    deadline = time.monotonic() + timeout_s
    waited_for: set[str] | None = None
    while waited_for is None or waited_for:
        with transaction(engine) as connection:
            writing = set(connection.scalars(text(_WRITERS)))
        waited_for = writing if waited_for is None else waited_for & writing
        if waited_for and time.monotonic() > deadline:
            raise WaitedTooLong(
                f"{len(waited_for)} transactions have been writing images for {timeout_s:.0f} s: "
                "let them end, then ask again; pg_stat_activity tells whose they are"
            )
        if waited_for:
            time.sleep(_LOOK_S)


def _drop(engine: Engine, collection_id: int, space_id: int) -> int:
    place = {"id": collection_id, "space_id": space_id, "n": PORTION}
    _settle_jobs(engine, place)
    with transaction(engine) as connection:
        _drop_indexes(connection, collection_id, space_id)
        connection.execute(text(_TAGS), place)
        connection.execute(
            text("""
                DELETE FROM lookalike.calibrations
                WHERE collection_id = :id AND space_id = :space_id
            """),
            place,
        )
    return _drop_features(engine, place)


def _settle_jobs(engine: Engine, place: dict[str, int]) -> None:
    for which in _WHICH:
        n = PORTION
        while n == PORTION:
            with transaction(engine) as connection:
                statement = text(_SETTLE.replace("{which}", which))
                n = int(connection.scalar(statement, place) or 0)
                connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))


def _drop_features(engine: Engine, place: dict[str, int]) -> int:
    n_features, since = 0, 0
    while True:
        with transaction(engine) as connection:
            gone = connection.execute(text(_FEATURES), {**place, "since": since}).one()
        n_features += int(gone.n)
        if gone.n < place["n"]:
            return n_features
        since = int(gone.since)


def _drop_indexes(connection: Connection, collection_id: int, space_id: int) -> None:
    """Delete the search indexes with their keys and functions."""
    indexes = connection.scalars(
        text("""
            DELETE FROM lookalike.search_indexes
            WHERE collection_id = :id AND space_id = :space_id RETURNING id
        """),
        {"id": collection_id, "space_id": space_id},
    ).all()
    for index_id in indexes:
        # Not by their arguments, which are the recipe's affair.
        routines = connection.scalars(
            text("""
                SELECT p.oid::regprocedure::text FROM pg_proc p
                JOIN pg_namespace s ON s.oid = p.pronamespace AND s.nspname = 'lookalike'
                WHERE p.proname IN ('key_' || :index_id, 'search_' || :index_id)
            """),
            {"index_id": str(index_id)},
        ).all()
        for routine in routines:
            connection.execute(text(f"DROP FUNCTION {routine}"))
        connection.execute(text(f"DROP TABLE IF EXISTS lookalike.keys_{int(index_id)}"))
