"""The end of a change: features, jobs and indexes in a space that a collection has left.

The row that keeps both spaces goes first, so no search is answered from a
space that is half gone. Whatever is left after a crash is found again:
it is in a space that the collection neither serves nor changes to.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.database.older import moment, wait_for_older
from lookalike.errors import WaitedTooLong
from lookalike.indexes import drop_indexes
from lookalike.queue.retention import PORTION
from lookalike.tables import JOBS_CHANNEL

_PRODUCERS_S = 60.0

# By running totals.
_LEFT = """
    SELECT DISTINCT t.space_id FROM lookalike.tallies t
    JOIN lookalike.collections c ON c.id = t.collection_id
    WHERE t.collection_id = :id AND t.space_id <> c.space_id
        AND t.what = ANY(CAST(:what AS text[]))
        AND NOT EXISTS (SELECT FROM lookalike.reembeddings r WHERE r.collection_id = :id)
    GROUP BY t.space_id, t.what HAVING sum(t.n) > 0
    ORDER BY t.space_id
"""
_FEATURES_LEFT = ("features",)
_ANYTHING_LEFT = ("features", "queued", "retry", "leased")

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
# its features are there to be deleted. Along an index each, however long the history is.
_WAITING = """
    status IN ('queued', 'retry')
    ORDER BY space_id, lane, collection_id, available_at, id LIMIT :n FOR UPDATE SKIP LOCKED
"""
_LEASED = """
    status = 'leased' AND id = ANY(ARRAY(
        SELECT unnest(l.job_ids) FROM lookalike.leases l WHERE l.space_id = :space_id))
    ORDER BY id LIMIT :n FOR UPDATE
"""

_FEATURES = """
    WITH chosen AS MATERIALIZED (
        SELECT image_id FROM lookalike.features
        WHERE space_id = :space_id AND collection_id = :id AND image_id > :since
        ORDER BY image_id LIMIT :n
    ), untagged AS (
        DELETE FROM lookalike.image_tags
        WHERE space_id = :space_id AND image_id = ANY(ARRAY(SELECT image_id FROM chosen))
    ), gone AS (
        DELETE FROM lookalike.features
        WHERE space_id = :space_id AND image_id = ANY(ARRAY(SELECT image_id FROM chosen))
        RETURNING image_id
    )
    SELECT count(*) AS n, (SELECT max(image_id) FROM chosen) AS since FROM gone
"""


def is_left(connection: Connection, collection_id: int) -> bool:
    """Whether a space that the collection has left still has features, or jobs to come."""
    return bool(_left_spaces(connection, collection_id, _ANYTHING_LEFT))


def drop_left(engine: Engine, collection_id: int) -> int:
    """Delete what a collection has in spaces that it has left; how many features these were.

    In portions: nobody waits for long. Raises WaitedTooLong where producers'
    transactions from before do not end; asking again goes on from there.
    """
    _wait_for_producers(engine)
    n_features = 0
    what: Sequence[str] = _ANYTHING_LEFT
    while True:
        with transaction(engine) as connection:
            spaces = _left_spaces(connection, collection_id, what)
        if not spaces:
            return n_features
        n_features += sum(_drop(engine, collection_id, space_id) for space_id in spaces)
        # Of jobs, queries may be left, which are answered to the end.
        what = _FEATURES_LEFT


def _left_spaces(connection: Connection, collection_id: int, what: Sequence[str]) -> list[int]:
    found = connection.scalars(text(_LEFT), {"id": collection_id, "what": list(what)}).all()
    return [int(space_id) for space_id in found]


def _wait_for_producers(engine: Engine) -> None:
    """Wait for transactions that may still enqueue in a space that they saw serve."""
    with transaction(engine) as connection:
        now = moment(connection)
    if not wait_for_older(engine, now, snapshots_only=False, timeout_s=_PRODUCERS_S):
        raise WaitedTooLong(
            f"a transaction from before lasts longer than {_PRODUCERS_S:.0f} s and may still add "
            "images: let it end, then ask again; pg_stat_activity tells whose it is"
        )


def _drop(engine: Engine, collection_id: int, space_id: int) -> int:
    place = {"id": collection_id, "space_id": space_id, "n": PORTION}
    _settle_jobs(engine, place)
    drop_indexes(engine, collection_id, space_id)
    with transaction(engine) as connection:
        connection.execute(
            text("""
                DELETE FROM lookalike.calibrations
                WHERE collection_id = :id AND space_id = :space_id
            """),
            place,
        )
    return _drop_features(engine, place)


def _settle_jobs(engine: Engine, place: dict[str, int]) -> None:
    for which in (_WAITING, _LEASED):
        n = PORTION
        while n == PORTION:
            with transaction(engine) as connection:
                n = int(connection.scalar(text(_SETTLE.replace("{which}", which)), place) or 0)
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
