"""The tables, in the Postgres schema `lookalike`. Nothing here executes.

collections ─< images ─< jobs            a job embeds one image, or one query image
     │            ├────< features        one row an image and feature space
     │            └────< image_tags      its labels in a feature space, where they are wanted
feature_spaces ─────────┘                features: one partition a feature space
uploads                                  bytes that came without a place to get them again
query_features                           answers for query images, kept for an hour
workers                                  who is alive, and in which feature space
"""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "lookalike"
SCHEMA_VERSION = "0002"
"""The newest migration; another version in the database means `lookalike migrate`."""

JOBS_CHANNEL = "lookalike_jobs"
"""Notified when jobs become ready, or room for them does; the relay listens."""

OUTCOMES_CHANNEL = "lookalike_outcomes"
"""Notified when outcomes were committed; whoever waits for a job listens."""

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)

_NOW = text("now()")
_IS_READY = text("status = ANY (ARRAY['queued'::text, 'retry'::text])")
_IS_OPEN = text("status = ANY (ARRAY['queued'::text, 'retry'::text, 'leased'::text])")
_IS_LEASED = text("status = 'leased'::text")


def _when(name: str, *, default: bool = False) -> Column[object]:
    return Column(
        name,
        DateTime(timezone=True),
        nullable=not default,
        server_default=_NOW if default else None,
    )


lease_numbers = Sequence("lease_numbers", metadata=metadata, data_type=BigInteger)

feature_spaces = Table(
    "feature_spaces",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("encoder", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("trained", Boolean, nullable=False),
    _when("created_at", default=True),
    # Which images the reference is of; it is their features by TensorFlow in fp32, float32
    # little-endian, one after another. Empty until the first worker of the space starts.
    Column("golden_images", Text),
    Column("reference", LargeBinary),
    UniqueConstraint("digest"),
    CheckConstraint("dimensions BETWEEN 1 AND 16000", name="dimensions"),
    CheckConstraint(
        "(reference IS NULL) = (golden_images IS NULL) "
        "AND octet_length(reference) % (4 * dimensions) = 0",
        name="reference",
    ),
)

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    # Empty until the first worker ever starts; then the space that searches go to.
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id)),
    _when("created_at", default=True),
    UniqueConstraint("name"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
)

images = Table(
    "images",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("collection_id", Integer, ForeignKey(collections.c.id), nullable=False),
    Column("reference", Text, nullable=False),
    # SHA-256 of the bytes whose features are stored; the worker writes it.
    Column("image_key", LargeBinary),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _when("created_at", default=True),
    UniqueConstraint("collection_id", "reference"),
    Index(None, "image_key"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("collection_id", Integer, ForeignKey(collections.c.id), nullable=False),
    # Empty for a query image.
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE")),
    Column("reference", Text, nullable=False),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id)),
    Column("lane", SmallInteger, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default=text("'queued'::text")),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    _when("available_at", default=True),
    Column("lease", BigInteger),
    _when("lease_until"),
    _when("leased_at"),
    _when("claimed_at"),
    Column("worker", Text),
    Column("error", Text),
    Column("message", Text),
    # Milliseconds from the claim, by the worker's monotonic clock: no clock steps.
    Column("fetched_ms", Integer),
    Column("decoded_ms", Integer),
    Column("batched_ms", Integer),
    Column("encoded_ms", Integer),
    _when("created_at", default=True),
    _when("finished_at"),
    CheckConstraint(
        "status = ANY (ARRAY['queued'::text, 'leased'::text, 'retry'::text, 'done'::text, "
        "'failed'::text])",
        name="status",
    ),
    Index("jobs_ready_idx", "space_id", "lane", "available_at", "id", postgresql_where=_IS_READY),
    Index("jobs_leased_idx", "space_id", "lease_until", postgresql_where=_IS_LEASED),
    Index("jobs_open_key", "image_id", unique=True, postgresql_where=_IS_OPEN),
    Index(None, "image_id"),
    Index(None, "collection_id", "status"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("image_key", LargeBinary, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    _when("created_at", default=True),
)

features = Table(
    "features",
    metadata,
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), primary_key=True),
    Column("collection_id", Integer, nullable=False),
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE"), primary_key=True),
    Column("features", HALFVEC(), nullable=False),
    Index(None, "collection_id"),
    postgresql_partition_by="LIST (space_id)",
)

image_tags = Table(
    "image_tags",
    metadata,
    # The image first: the key so serves an image's tags and its deletion too.
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE"), primary_key=True),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), primary_key=True),
    Column("label", Text, primary_key=True),
    Column("probability", REAL, nullable=False),
    Index("image_tags_label_idx", "space_id", "label", text("probability DESC")),
)

query_features = Table(
    "query_features",
    metadata,
    Column("job_id", BigInteger, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), nullable=False),
    Column("features", HALFVEC(), nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id), nullable=False),
    Column("description", Text, nullable=False),
    Column("n_done", BigInteger, nullable=False, server_default=text("0")),
    _when("started_at", default=True),
    _when("last_seen", default=True),
    _when("last_progress"),
)
