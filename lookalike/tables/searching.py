"""What searches go by: indexes of keys, distances that mean something, changes of encoder."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    DOUBLE_PRECISION,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from lookalike.tables.pictures import collections, feature_spaces
from lookalike.tables.schema import metadata, when

search_indexes = Table(
    "search_indexes",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("collection_id", Integer, ForeignKey(collections.c.id), nullable=False),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), nullable=False),
    Column("recipe", Text, nullable=False),
    # Of a key.
    Column("dimensions", Integer, nullable=False),
    Column("partitions", Integer, nullable=False, server_default=text("1")),
    Column("state", Text, nullable=False, server_default=text("'filling'::text")),
    # Every image up to this one has its key.
    Column("filled_to", BigInteger, nullable=False, server_default=text("0")),
    # How many rows the transform was fitted on, and the share of their variance that it keeps.
    Column("n_fitted", BigInteger, nullable=False),
    Column("captured", REAL, nullable=False),
    Column("ef_search", Integer, nullable=False),
    Column("n_shortlist", Integer, nullable=False),
    Column("recall_target", REAL),
    # As it was measured last.
    Column("recall", REAL),
    Column("recall_k", Integer),
    Column("n_sampled", Integer),
    when("measured_at"),
    when("created_at", default=True),
    when("serving_at"),
    CheckConstraint("recipe = ANY (ARRAY['pca'::text, 'bits'::text])", name="recipe"),
    CheckConstraint(
        "state = ANY (ARRAY['filling'::text, 'building'::text, 'serving'::text, 'retired'::text])",
        name="state",
    ),
    Index(
        "search_indexes_serving_key",
        *("collection_id", "space_id"),
        unique=True,
        postgresql_where=text("state = 'serving'::text"),
    ),
)

key_axes = Table(
    "key_axes",
    metadata,
    Column(
        "index_id",
        Integer,
        ForeignKey(search_indexes.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("number", SmallInteger, primary_key=True),
    Column("axis", HALFVEC(), nullable=False),
    Column("origin", REAL, nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column(
        "collection_id",
        Integer,
        ForeignKey(collections.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), primary_key=True),
    # Cosine distances: up to these, two images are so.
    Column("near_duplicate_distance", DOUBLE_PRECISION, nullable=False),
    Column("similar_distance", DOUBLE_PRECISION, nullable=False),
    Column("n_pairs", Integer, nullable=False),
    when("calibrated_at", default=True),
    CheckConstraint(
        "0 <= near_duplicate_distance AND near_duplicate_distance <= similar_distance",
        name="order",
    ),
)

reembeddings = Table(
    "reembeddings",
    metadata,
    Column(
        "collection_id",
        Integer,
        ForeignKey(collections.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("old_space_id", Integer, ForeignKey(feature_spaces.c.id), nullable=False),
    Column("new_space_id", Integer, ForeignKey(feature_spaces.c.id), nullable=False),
    # Every image up to this one was looked at in this round.
    Column("swept_to", BigInteger, nullable=False, server_default=text("0")),
    when("started_at", default=True),
    when("flipped_at"),
    CheckConstraint("old_space_id <> new_space_id", name="spaces"),
)
