"""Users' tables that are followed, and which image each of their rows shows."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REGCLASS

from lookalike.tables.schema import metadata, when

attachments = Table(
    "attachments",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("collection_id", Integer, nullable=False),
    Column("table", REGCLASS, nullable=False),
    Column("key_column", Text, nullable=False),
    Column("url_column", Text, nullable=False),
    Column("metadata_columns", ARRAY(Text), nullable=False),
    when("created_at", default=True),
    # How far the table has been read, by its key; empty once it was read to its end.
    Column("filled_to", Text),
    Column("is_filled", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("table", "url_column", "collection_id"),
)

attached_changes = Table(
    "attached_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("attachment_id", Integer, nullable=False),
    # Empty: all of them, since the table was truncated.
    Column("row_key", Text, nullable=False),
    Index(None, "attachment_id", "id"),
)

attached_rows = Table(
    "attached_rows",
    metadata,
    Column("attachment_id", Integer, nullable=False, autoincrement=False),
    Column("row_key", Text, nullable=False),
    Column("image_id", BigInteger),
    # Whether the image is there for attached rows alone, and goes with the last of them.
    Column("is_made", Boolean, nullable=False),
    # Why the row has no image.
    Column("refused", Text),
    PrimaryKeyConstraint("attachment_id", "row_key"),
    Index(None, "image_id", postgresql_where=text("image_id IS NOT NULL")),
)

attached_orphans = Table(
    "attached_orphans",
    metadata,
    Column("image_id", BigInteger, primary_key=True, autoincrement=False),
)
