"""Who may use the API, and what it has answered already."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from lookalike.tables.schema import metadata, when

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    # SHA-256 of the secret, which has 256 random bits and so needs no salt and no slow hash.
    Column("digest", LargeBinary, nullable=False),
    # The secret's first characters, by which its owner knows it again.
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    when("created_at", default=True),
    when("expires_at"),
    when("revoked_at"),
    when("last_used_at"),
    UniqueConstraint("digest"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("octet_length(digest) = 32", name="digest"),
    CheckConstraint(
        text("cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'write', 'admin']"),
        name="scopes",
    ),
)

idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    # 0 where the API asks for no key.
    Column("api_key_id", Integer, nullable=False, autoincrement=False),
    Column("key", Text, nullable=False),
    # SHA-256 of the method, the path and the body: another request must not take this key.
    Column("fingerprint", LargeBinary, nullable=False),
    Column(
        "created_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
        index=True,
    ),
    # These three are empty while the first such request is under way.
    Column("status", SmallInteger),
    Column("headers", JSONB),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("api_key_id", "key"),
    CheckConstraint("length(key) BETWEEN 1 AND 255", name="key"),
)
