"""Attach a table, and detach it again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Row, exc, text

from lookalike.attachments import triggers
from lookalike.attachments.records import Attachment, list_attachments
from lookalike.database import transaction
from lookalike.database.naming import ensure_collection
from lookalike.errors import Rejected

# One statement makes the metadata of them, and a function takes 100 arguments.
_MOST_METADATA = 49

_COLUMNS = """
    SELECT a.attname AS name, a.attnotnull AND i.indisunique IS NOT NULL AS is_key,
        coalesce(i.indisprimary, false) AS is_primary
    FROM pg_attribute a
    LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indnkeyatts = 1 AND i.indisunique
        AND i.indpred IS NULL AND i.indkey[0] = a.attnum
    WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped
"""
_ADD = """
    INSERT INTO lookalike.attachments
        (collection_id, "table", key_column, url_column, metadata_columns)
    VALUES (:collection_id, CAST(:table AS regclass), :key, :url, :metadata)
    RETURNING id
"""
_ORPHANS = """
    INSERT INTO lookalike.attached_orphans (image_id)
    SELECT DISTINCT r.image_id FROM lookalike.attached_rows r
    WHERE r.attachment_id = :id AND r.is_made AND NOT EXISTS (
        SELECT FROM lookalike.attached_rows o
        WHERE o.image_id = r.image_id AND o.attachment_id <> :id
    )
    ON CONFLICT DO NOTHING
"""


def attach(
    engine: Engine,
    table: str,
    *,
    url_column: str,
    collection: str,
    key_column: str | None = None,
    metadata_columns: Sequence[str] = (),
) -> Attachment:
    """Follow a table of this database from now on; relays read what is there, and what comes.

    `table` is its name as SQL writes it, with its schema where that is not
    on the search path. `key_column`, by default the primary key, has a
    unique index of its own. Writers of the table wait for an instant.
    Raises Rejected where the table or a column is not there, or the column
    is attached to the collection already; StoreUnavailable where a long
    transaction holds the table.
    """
    with transaction(engine) as connection:
        columns = _columns(connection, table)
        key = _key(table, columns, key_column)
        _check(table, columns, [url_column, *metadata_columns])
        collection_id, _ = ensure_collection(connection, collection)
        values = {
            "collection_id": collection_id,
            "table": table,
            "key": key,
            "url": url_column,
            "metadata": list(metadata_columns),
        }
        try:
            with connection.begin_nested():
                number = connection.scalar(text(_ADD), values)
        except exc.IntegrityError as error:
            raise Rejected(
                f"{table}.{url_column} is attached to {collection!r} already: "
                "`lookalike detach` it first",
                value=table,
            ) from error
        (attachment,) = (one for one in list_attachments(connection) if one.id == number)
        triggers.create(connection, attachment)
        return attachment


def detach(engine: Engine, attachment: Attachment, *, erase: bool = False) -> None:
    """Follow a table no longer; nothing of lookalike's is left on it.

    Its images stay in their collection, but with `erase` relays erase those
    that are there for this table alone.
    """
    with transaction(engine) as connection:
        triggers.drop(connection, attachment)
        chosen = {"id": attachment.id}
        if erase:
            connection.execute(text(_ORPHANS), chosen)
        for name in ("attached_changes", "attached_rows"):
            connection.execute(
                text(f"DELETE FROM lookalike.{name} WHERE attachment_id = :id"), chosen
            )
        connection.execute(text("DELETE FROM lookalike.attachments WHERE id = :id"), chosen)


Columns = Sequence[Row[tuple[str, bool, bool]]]


def _columns(connection: Connection, table: str) -> Columns:
    try:
        with connection.begin_nested():
            found: Columns = connection.execute(text(_COLUMNS), {"table": table}).all()
    except exc.ProgrammingError:  # no name of a table at all
        found = []
    if not found:
        raise Rejected(
            f"no table {table!r} is in lookalike's database: give its name as SQL writes it, "
            "with its schema",
            value=table,
        )
    return found


def _key(table: str, columns: Columns, wanted: str | None) -> str:
    primary = [column.name for column in columns if column.is_primary]
    keys = list(dict.fromkeys(column.name for column in columns if column.is_key))
    if wanted is None and primary:
        return str(primary[0])
    if wanted in keys:
        return str(wanted)
    raise Rejected(
        f"found {'no primary key of one column' if wanted is None else repr(wanted)} in {table}; "
        f"expected a column that is NOT NULL, with a unique index of its own, of which it has "
        f"{', '.join(keys) or 'none'}: name it with --key, or make such an index",
        value=wanted,
    )


def _check(table: str, columns: Columns, wanted: Sequence[str]) -> None:
    known = list(dict.fromkeys(column.name for column in columns))
    for name in wanted:
        if name not in known:
            raise Rejected(
                f"found the column {name!r}; expected one of {table}'s: {', '.join(known)}",
                value=name,
            )
    if len(wanted) > _MOST_METADATA + 1:
        raise Rejected(
            f"found {len(wanted) - 1} columns of metadata; expected at most {_MOST_METADATA}"
        )
