"""Filling: images that one of the two spaces lacks get a job in it, a portion at a time.

New images and changed ones are enqueued in the space that serves, as ever;
the next round finds them missing in the other. So nobody who enqueues needs
to know of the change, and a space that was lost in part is mended.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from lookalike.database import tallies, transaction
from lookalike.jobs import Lane
from lookalike.queue import limits
from lookalike.tables import JOBS_CHANNEL

PORTION = 5000
"""So many images of each space are looked at in one transaction: some tens of milliseconds."""

# Minutes of one worker's work, and nothing that the queue would notice.
_MOST_WAITING = 20_000
# Where operators limit the backlog, most of it is for who enqueues.
_SHARE_OF_LIMIT = 4
_LEAST_WAITING = 100

_UNDER_WAY = "SELECT collection_id FROM lookalike.reembeddings ORDER BY collection_id"

# Of relays that sweep at the same moment, one does.
_TURN = """
    SELECT old_space_id, new_space_id, swept_to FROM lookalike.reembeddings
    WHERE collection_id = :collection_id FOR UPDATE SKIP LOCKED
"""

_WAITING = """
    SELECT space_id, sum(n) AS n FROM lookalike.tallies
    WHERE collection_id = :collection_id AND what IN ('queued', 'retry', 'leased')
    GROUP BY space_id
"""

# What was looked at of both spaces ends where the first of two full portions does. An image that
# has a job under way is left to the next round, one that failed in this space to the operator;
# one that somebody else has locked now is waited for by nobody.
_SWEEP = """
    WITH old AS MATERIALIZED (
        SELECT image_id FROM lookalike.features
        WHERE collection_id = :collection_id AND space_id = :old_id AND image_id > :swept_to
        ORDER BY image_id LIMIT :n
    ), new AS MATERIALIZED (
        SELECT image_id FROM lookalike.features
        WHERE collection_id = :collection_id AND space_id = :new_id AND image_id > :swept_to
        ORDER BY image_id LIMIT :n
    ), reach AS (
        SELECT least(
            (SELECT max(image_id) FROM old HAVING count(*) = :n),
            (SELECT max(image_id) FROM new HAVING count(*) = :n)) AS image_id
    ), missing AS (
        SELECT image_id, CASE WHEN old.image_id IS NULL THEN :old_id ELSE :new_id END AS space_id
        FROM old FULL JOIN new USING (image_id)
        WHERE (old.image_id IS NULL OR new.image_id IS NULL)
            AND image_id <= coalesce((SELECT r.image_id FROM reach r), image_id)
    ), free AS MATERIALIZED (
        SELECT i.id, i.reference, m.space_id
        FROM missing m JOIN lookalike.images i ON i.id = m.image_id
        LEFT JOIN lookalike.jobs j ON j.id = i.job_id
        WHERE m.space_id = ANY(CAST(:with_room AS integer[])) AND (
            j.id IS NULL OR j.status = 'done'
            OR (j.status = 'failed' AND j.space_id <> m.space_id))
        ORDER BY i.id FOR NO KEY UPDATE OF i SKIP LOCKED
    ), numbered AS MATERIALIZED (
        SELECT *, nextval('lookalike.jobs_id_seq') AS job_id FROM free
    ), known AS (
        UPDATE lookalike.images i SET job_id = n.job_id FROM numbered n WHERE i.id = n.id
    ), enqueued AS (
        INSERT INTO lookalike.jobs (id, collection_id, image_id, reference, space_id, lane)
        SELECT job_id, :collection_id, id, reference, space_id, :lane FROM numbered
        RETURNING id
    ), swept AS (
        UPDATE lookalike.reembeddings
        SET swept_to = coalesce((SELECT image_id FROM reach), 0)
        WHERE collection_id = :collection_id
    )
    SELECT count(*) FROM enqueued
"""


def sweep(engine: Engine, *, all_rounds: bool = True) -> int:
    """One portion for each collection that changes its encoder; how many jobs were made.

    A round that ended begins again where the two spaces differ in number,
    and with `all_rounds` in any case: each may lack what the other has.
    """
    with transaction(engine) as connection:
        under_way = connection.scalars(text(_UNDER_WAY)).all()
    n_jobs = 0
    for collection_id in under_way:
        with transaction(engine) as connection:
            n_jobs += _sweep(connection, collection_id, all_rounds=all_rounds)
    return n_jobs


def _sweep(connection: Connection, collection_id: int, *, all_rounds: bool) -> int:
    turn = connection.execute(text(_TURN), {"collection_id": collection_id}).first()
    if turn is None:
        return 0
    spaces = (turn.old_space_id, turn.new_space_id)
    if not turn.swept_to and not all_rounds and _are_alike(connection, collection_id, spaces):
        return 0
    room = _room(connection, collection_id, spaces)
    if not room:
        return 0
    n_jobs = connection.scalar(
        text(_SWEEP),
        {
            "collection_id": collection_id,
            "old_id": turn.old_space_id,
            "new_id": turn.new_space_id,
            "swept_to": turn.swept_to,
            "n": min(PORTION, max(room.values())),
            "with_room": list(room),
            "lane": int(Lane.BULK),
        },
    )
    if n_jobs:
        connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return int(n_jobs or 0)


def _are_alike(connection: Connection, collection_id: int, spaces: tuple[int, int]) -> bool:
    old, new = (tallies.count_features(connection, collection_id, space) for space in spaces)
    return old == new


def _room(connection: Connection, collection_id: int, spaces: tuple[int, int]) -> dict[int, int]:
    """How many more jobs may wait in each space, of those where any may."""
    limit = limits.smallest(connection, collection_id)
    most = (
        _MOST_WAITING
        if limit is None
        else max(_LEAST_WAITING, min(_MOST_WAITING, limit // _SHARE_OF_LIMIT))
    )
    rows = connection.execute(text(_WAITING), {"collection_id": collection_id})
    waiting = {row.space_id: int(row.n) for row in rows}
    room = {space: most - waiting.get(space, 0) for space in spaces}
    return {space: n for space, n in room.items() if n > 0}
