"""Rows of the user's table, as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.attachments.records import Attachment


@dataclass(frozen=True, slots=True)
class Row:
    """One of the user's rows as it is now."""

    key: str
    url: str | None
    metadata: Mapping[str, object]


def read_rows(connection: Connection, attachment: Attachment, keys: Sequence[str]) -> list[Row]:
    """Those with these keys that are there."""
    key = _quoted(connection, attachment.key_column)
    where = f"{key} = ANY(CAST(CAST(:keys AS text[]) AS {_escaped(attachment.key_type)}[]))"
    return _select(connection, attachment, where, {"keys": list(keys)})


def read_next(connection: Connection, attachment: Attachment, n: int) -> list[Row]:
    """The next n rows of those that were there before the triggers, by their key."""
    key = _quoted(connection, attachment.key_column)
    type_ = _escaped(attachment.key_type)
    after = "" if attachment.filled_to is None else f"AND {key} > CAST(:after AS {type_})"
    return _select(
        connection,
        attachment,
        f"{key} IS NOT NULL {after} ORDER BY {key} LIMIT :n",
        {"after": attachment.filled_to, "n": n} if after else {"n": n},
    )


def _select(
    connection: Connection, attachment: Attachment, where: str, values: Mapping[str, object]
) -> list[Row]:
    key, url = (_quoted(connection, c) for c in (attachment.key_column, attachment.url_column))
    names = {f"name_{i}": name for i, name in enumerate(attachment.metadata_columns)}
    pairs = ", ".join(
        f"CAST(:{parameter} AS text), {_quoted(connection, name)}"
        for parameter, name in names.items()
    )
    rows = connection.execute(
        text(f"""
            SELECT {key}::text AS key, {url}::text AS url, jsonb_build_object({pairs}) AS metadata
            FROM {_escaped(attachment.table)} WHERE {where}
        """),
        {**values, **names},
    )
    return [Row(*row) for row in rows]


def _quoted(connection: Connection, name: str) -> str:
    return _escaped(connection.dialect.identifier_preparer.quote_identifier(name))


def _escaped(name: str | None) -> str:
    # A colon would begin a parameter.
    return str(name).replace(":", "\\:")
