"""The queue: jobs, who has them in hand, and what operators ask for."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    Table,
    Text,
    text,
)

from lookalike.tables.pictures import feature_spaces
from lookalike.tables.schema import metadata, when

_IS_READY = text("status = ANY (ARRAY['queued'::text, 'retry'::text])")
_IS_FAILED = text("status = 'failed'::text")

lease_numbers = Sequence("lease_numbers", metadata=metadata, data_type=BigInteger)

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
    when("available_at", default=True),
    # The lease's number while the job is leased, and afterwards the last one's.
    Column("lease", BigInteger),
    # Of the attempt that ended last.
    when("leased_at"),
    when("claimed_at"),
    Column("worker", Text),
    Column("error", Text),
    Column("message", Text),
    # Milliseconds from the claim, by the worker's monotonic clock: no clock steps.
    Column("fetched_ms", Integer),
    Column("decoded_ms", Integer),
    Column("batched_ms", Integer),
    Column("encoded_ms", Integer),
    when("created_at", default=True),
    when("finished_at"),
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
    # By which erasing an image finds its earlier jobs. One that is open is the last, which the
    # image knows: enqueuing does not pay for it.
    Index(None, "image_id", postgresql_where=text("finished_at IS NOT NULL")),
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
    when("leased_at", default=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # Empty while the chunk waits in Redis.
    when("claimed_at"),
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
    when("changed_at", default=True),
    CheckConstraint("paused = ANY (ARRAY['bulk'::text, 'all'::text])", name="paused"),
    CheckConstraint("max_open >= 0", name="max_open"),
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
    when("started_at", default=True),
    when("last_seen", default=True),
    when("last_progress"),
)
