"""The tables, in the Postgres schema `lookalike`. Nothing here executes.

collections ─< images ─< jobs            a job embeds one image, or one query image
     │            ├────< features        one row an image and feature space
     │            └────< image_tags      its labels in a feature space, where they are wanted
feature_spaces ─────────┘                features: one partition a feature space
search_indexes ─< key_axes               an index of a collection's features in one space; its keys
                                         stand in a table keys_<id> of its own
calibrations                             distances that mean near-duplicate or similar
reembeddings                             collections that change their encoder
leases ─< jobs                           a chunk that was published, or is in a worker's hands
tallies                                  how many there are of what, as changes that add up
controls                                 what is paused or limited
uploads                                  bytes that came without a place to get them again
query_features                           answers for query images, kept for an hour
workers                                  who is alive, and in which feature space
"""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    DOUBLE_PRECISION,
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
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "lookalike"
SCHEMA_VERSION = "0004"
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
_IS_FAILED = text("status = 'failed'::text")


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
    # Without foreign keys where rows come by the hundred thousand: one check for each row
    # took a ninth of an import's rate.
    Column("collection_id", Integer, nullable=False),
    Column("reference", Text(collation="C"), nullable=False),
    # SHA-256 of the bytes whose features are stored; the worker writes it.
    Column("image_key", LargeBinary),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _when("created_at", default=True),
    # The last one; it may have been pruned.
    Column("job_id", BigInteger),
    UniqueConstraint("collection_id", "reference"),
    Index(None, "image_key", postgresql_where=text("image_key IS NOT NULL")),
    Index(
        "images_upload_idx",
        "reference",
        postgresql_where=text("reference ~~ 'upload:%'::text"),
    ),
    Index(
        "images_metadata_idx",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
        postgresql_where=text("metadata <> '{}'::jsonb"),
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("collection_id", Integer, nullable=False),
    # Empty for a query image.
    Column("image_id", BigInteger),
    Column("reference", Text, nullable=False),
    Column("space_id", Integer),
    Column("lane", SmallInteger, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default=text("'queued'::text")),
    # Tries that ended; the one that a worker is at is not among them.
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    _when("available_at", default=True),
    # The lease's number while the job is leased, and afterwards the last one's.
    Column("lease", BigInteger),
    # Of the attempt that ended last.
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
    # The producer's span, as W3C Trace Context writes it, where it is traced.
    Column("trace_parent", Text),
    CheckConstraint(
        "status = ANY (ARRAY['queued'::text, 'leased'::text, 'retry'::text, 'done'::text, "
        "'failed'::text])",
        name="status",
    ),
    Index(
        "jobs_ready_idx",
        *("space_id", "lane", "collection_id", "available_at", "id"),
        postgresql_where=_IS_READY,
    ),
    Index("jobs_failed_idx", "collection_id", "error", "id", postgresql_where=_IS_FAILED),
    Index("jobs_query_idx", "finished_at", postgresql_where=text("image_id IS NULL")),
    Index(None, "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
)

leases = Table(
    "leases",
    metadata,
    Column(
        "id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=lease_numbers.next_value(),
    ),
    Column("space_id", Integer, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("job_ids", ARRAY(BigInteger), nullable=False),
    _when("leased_at", default=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # Empty while the chunk waits in Redis.
    _when("claimed_at"),
    Column("worker", Text),
)

tallies = Table(
    "tallies",
    metadata,
    Column("collection_id", Integer, nullable=False),
    # Empty for images, and for jobs that no worker's feature space has adopted yet.
    Column("space_id", Integer),
    Column("lane", SmallInteger),
    # A job's status, `image`, or `features`.
    Column("what", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
)

controls = Table(
    "controls",
    metadata,
    # 0: all of them.
    Column("collection_id", Integer, primary_key=True, autoincrement=False),
    # Which lanes wait: `bulk`, or `all`.
    Column("paused", Text),
    Column("max_open", BigInteger),
    _when("changed_at", default=True),
    CheckConstraint("paused = ANY (ARRAY['bulk'::text, 'all'::text])", name="paused"),
    CheckConstraint("max_open >= 0", name="max_open"),
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
    Column("space_id", Integer, ForeignKey(feature_spaces.c.id)),
    Column("collection_id", Integer, nullable=False),
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE")),
    Column("features", HALFVEC(), nullable=False),
    PrimaryKeyConstraint("image_id", "space_id"),
    Index("features_collection_image_idx", "collection_id", "image_id"),
    postgresql_partition_by="LIST (space_id)",
)

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
    _when("measured_at"),
    _when("created_at", default=True),
    _when("serving_at"),
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
    _when("calibrated_at", default=True),
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
    _when("started_at", default=True),
    _when("flipped_at"),
    CheckConstraint("old_space_id <> new_space_id", name="spaces"),
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
    Column("batch_size", Integer, nullable=False, server_default=text("16")),
    Column("n_held", Integer, nullable=False, server_default=text("0")),
    Column("n_done", BigInteger, nullable=False, server_default=text("0")),
    _when("started_at", default=True),
    _when("last_seen", default=True),
    _when("last_progress"),
)
