"""Following: rows that were written are read as they are now, and their images enqueued."""

from __future__ import annotations

import time

import structlog
from sqlalchemy import Connection, Engine, exc, text

from lookalike.attachments.linking import link
from lookalike.attachments.records import Attachment, list_attachments
from lookalike.attachments.rows import read_next, read_rows
from lookalike.collections.erasure import erase_images
from lookalike.database import transaction
from lookalike.errors import BacklogFull, SchemaOutdated

# Rows a transaction. Where the backlog is limited there may be room for fewer.
_PORTIONS = (1000, 50, 1)
_MOST_ORPHANS = 500
# Of relays that follow at the same moment, one does.
_LOCK = 0x6C6B_6174

_TAKE = """
    DELETE FROM lookalike.attached_changes WHERE id = ANY (ARRAY (
        SELECT id FROM lookalike.attached_changes
        WHERE attachment_id = :id ORDER BY id LIMIT :n
    )) RETURNING row_key
"""
# The table was truncated: what it had may be gone, and what it has is not known.
_AGAIN = """
    WITH known AS (
        INSERT INTO lookalike.attached_changes (attachment_id, row_key)
        SELECT attachment_id, row_key FROM lookalike.attached_rows WHERE attachment_id = :id
    )
    UPDATE lookalike.attachments SET is_filled = false, filled_to = NULL WHERE id = :id
"""
_FILLED = """
    UPDATE lookalike.attachments SET is_filled = :is_filled, filled_to = :filled_to WHERE id = :id
"""
# A row may show such an image again by now.
_ORPHANS = """
    SELECT o.image_id, EXISTS (
        SELECT FROM lookalike.attached_rows r WHERE r.image_id = o.image_id) AS is_shown
    FROM lookalike.attached_orphans o ORDER BY o.image_id LIMIT :n
"""

log = structlog.get_logger()


def follow(engine: Engine, *, seconds: float = 0.5) -> int:
    """What the attached tables have, a portion after the other, for about so long.

    How many rows that were. Relays call it. A table that cannot be read is
    told in the log, and tried again the next time.
    """
    until = time.monotonic() + seconds
    n_rows = 0
    while True:
        with transaction(engine) as connection:
            attachments = list_attachments(connection)
        n_now = sum(_follow(engine, attachment) for attachment in attachments)
        n_rows += n_now
        if not n_now or time.monotonic() > until:
            return n_rows + _erase_orphans(engine)


def _follow(engine: Engine, attachment: Attachment) -> int:
    if attachment.key_type is None:  # the table, or the column, is gone
        return 0
    for n in _PORTIONS:
        try:
            with transaction(engine) as connection:
                return _portion(connection, attachment, n)
        except BacklogFull:
            continue
        except (exc.ProgrammingError, exc.DataError, SchemaOutdated) as error:
            log.warning("attached table unreadable", table=attachment.table, error=str(error))
            return 0
    return 0


def _portion(connection: Connection, attachment: Attachment, n: int) -> int:
    if not connection.scalar(
        text("SELECT pg_try_advisory_xact_lock(:lock, :id)"), {"lock": _LOCK, "id": attachment.id}
    ):
        return 0
    keys = set(connection.scalars(text(_TAKE), {"id": attachment.id, "n": n}))
    if "" in keys:
        keys.discard("")
        connection.execute(text(_AGAIN), {"id": attachment.id})
    # A statement after the keys were taken: it sees at least what they were noted for.
    rows = read_rows(connection, attachment, sorted(keys)) if keys else []
    link(connection, attachment, rows, gone=keys - {row.key for row in rows})
    if keys or attachment.is_filled:
        return len(keys)
    return _fill(connection, attachment, n)


def _fill(connection: Connection, attachment: Attachment, n: int) -> int:
    """The next rows of those that were there before the triggers."""
    rows = read_next(connection, attachment, n)
    link(connection, attachment, rows, gone=())
    is_filled = len(rows) < n
    values = {
        "id": attachment.id,
        "is_filled": is_filled,
        "filled_to": None if is_filled else rows[-1].key,
    }
    connection.execute(text(_FILLED), values)
    return len(rows)


def _erase_orphans(engine: Engine) -> int:
    with transaction(engine) as connection:
        found = connection.execute(text(_ORPHANS), {"n": _MOST_ORPHANS}).all()
    if not found:
        return 0
    erase_images(engine, [row.image_id for row in found if not row.is_shown])
    with transaction(engine) as connection:
        connection.execute(
            text("DELETE FROM lookalike.attached_orphans WHERE image_id = ANY(:ids)"),
            {"ids": [row.image_id for row in found]},
        )
    return len(found)
