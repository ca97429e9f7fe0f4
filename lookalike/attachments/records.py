"""The rows of `attachments`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, exc, text

from lookalike.errors import Rejected

_READ = """
    SELECT a.id, a.collection_id, c.name AS collection,
        quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS table,
        a.key_column, a.url_column, a.metadata_columns, a.is_filled, a.filled_to,
        (SELECT format_type(k.atttypid, k.atttypmod) FROM pg_attribute k
         WHERE k.attrelid = t.oid AND k.attname = a.key_column AND NOT k.attisdropped) AS key_type
    FROM lookalike.attachments a
    JOIN lookalike.collections c ON c.id = a.collection_id
    LEFT JOIN pg_class t ON t.oid = a."table"
    LEFT JOIN pg_namespace n ON n.oid = t.relnamespace
    ORDER BY a.id
"""
_NAME = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
    FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE t.oid = to_regclass(:table)
"""
_COUNT = """
    SELECT count(*) AS n_rows, count(refused) AS n_refused,
        (SELECT count(*) FROM lookalike.attached_changes WHERE attachment_id = :id) AS n_waiting,
        (SELECT r.row_key || ': ' || r.refused FROM lookalike.attached_rows r
         WHERE r.attachment_id = :id AND r.refused IS NOT NULL LIMIT 1) AS example
    FROM lookalike.attached_rows WHERE attachment_id = :id
"""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A table that is followed.

    `table` is quoted and has its schema; None, like `key_type`, once the
    table is gone. `is_filled`: all rows that were there have been read.
    """

    id: int
    collection_id: int
    collection: str
    table: str | None
    key_column: str
    url_column: str
    metadata_columns: tuple[str, ...]
    is_filled: bool
    filled_to: str | None
    key_type: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: rows that were read, those refused with one of them, changes that wait."""

    n_rows: int
    n_refused: int
    n_waiting: int
    example: str | None


def list_attachments(connection: Connection) -> list[Attachment]:
    """All of them, the oldest first."""
    rows = connection.execute(text(_READ)).mappings().all()
    return [
        Attachment(**{**row, "metadata_columns": tuple(row["metadata_columns"])}) for row in rows
    ]


def find_attachments(connection: Connection, table: str) -> list[Attachment]:
    """Those of one table, by its name or by an attachment's id; raises Rejected without any."""
    every = list_attachments(connection)
    with connection.begin_nested() as savepoint:
        try:
            name = connection.scalar(text(_NAME), {"table": table})
        except exc.ProgrammingError:  # no name of a table at all
            savepoint.rollback()
            name = None
    found = [one for one in every if str(one.id) == table or (name and one.table == name)]
    if not found:
        known = ", ".join(f"{one.id} ({one.table or 'a table that is gone'})" for one in every)
        raise Rejected(
            f"found no attached table {table!r}; expected one of {known or 'none'}", value=table
        )
    return found


def read_progress(connection: Connection, attachment: Attachment) -> Progress:
    """Counts its rows: seconds for some millions."""
    row = connection.execute(text(_COUNT), {"id": attachment.id}).one()
    return Progress(**row._asdict())
