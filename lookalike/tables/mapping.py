"""Collections laid out in a plane."""

from __future__ import annotations

from sqlalchemy import REAL, BigInteger, Column, ForeignKey, Integer, Table, Text

from lookalike.tables.pictures import images
from lookalike.tables.schema import metadata, when

maps = Table(
    "maps",
    metadata,
    Column("collection_id", Integer, primary_key=True, autoincrement=False),
    # Set while a map is wanted that has not been made.
    when("requested_at"),
    # Why the last try came to nothing.
    Column("error", Text),
    # Empty before the first map.
    when("made_at"),
    Column("space_id", Integer),
)

map_points = Table(
    "map_points",
    metadata,
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE"), primary_key=True),
    Column("collection_id", Integer, nullable=False, index=True),
    # Both from 0 to 1.
    Column("x", REAL, nullable=False),
    Column("y", REAL, nullable=False),
)
