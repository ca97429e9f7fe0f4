"""Who is told when jobs end, and what is still to be told."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from lookalike.tables.schema import metadata, when

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("url", Text, nullable=False),
    # Empty: all collections.
    Column("collection_id", Integer),
    # Which ends are told: `done`, `failed` or both.
    Column("events", ARRAY(Text), nullable=False),
    # Deliveries of what has ended leave at most so often.
    Column("every_s", REAL, nullable=False),
    # What signs: both while the old one is good.
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),
    when("old_secret_until"),
    when("created_at", default=True),
    when("gathered_at"),
    Column("n_delivered", BigInteger, nullable=False, server_default=text("0")),
    when("delivered_at"),
    # Deliveries that failed since the last that succeeded; nothing is sent before `held_until`.
    Column("n_failures", Integer, nullable=False, server_default=text("0")),
    when("failed_at"),
    Column("error", Text),
    when("held_until"),
    # Nothing is noted and nothing is sent from then on.
    when("disabled_at"),
    Column("disabled_why", Text),
    CheckConstraint("length(url) BETWEEN 1 AND 2048", name="url"),
    CheckConstraint(
        text("cardinality(events) > 0 AND events <@ ARRAY['done', 'failed']"), name="events"
    ),
    CheckConstraint("octet_length(secret) BETWEEN 24 AND 64", name="secret"),
)

# No foreign keys here: a worker's commit would wait for who removes a webhook, and fail after him.
webhook_ends = Table(
    "webhook_ends",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("webhook_id", Integer, nullable=False),
    Column("collection_id", Integer, nullable=False),
    # What is told of each job that a statement ended.
    Column("jobs", JSONB, nullable=False),
    when("created_at", default=True),
    Index(None, "webhook_id", "id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("webhook_id", Integer, nullable=False),
    Column("collection_id", Integer, nullable=False),
    # By which a receiver knows it again; random, so that it stays so when a backup is restored.
    Column("message_id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    # Each try sends the same bytes.
    Column("body", Text, nullable=False),
    Column("n_jobs", Integer, nullable=False),
    when("created_at", default=True),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    # While it is sent, when it is sent again should the sender die.
    when("next_at", default=True),
    Column("error", Text),
    # It is not tried again by itself.
    when("died_at"),
    Index(
        "webhook_deliveries_open_idx",
        "webhook_id",
        "next_at",
        postgresql_where=text("died_at IS NULL"),
    ),
    Index(
        "webhook_deliveries_dead_idx",
        "webhook_id",
        "id",
        postgresql_where=text("died_at IS NOT NULL"),
    ),
)
