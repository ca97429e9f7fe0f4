"""Images, and what was made of them."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from lookalike.tables.schema import metadata, when

feature_spaces = Table(
    "feature_spaces",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("encoder", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("trained", Boolean, nullable=False),
    when("created_at", default=True),
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
    when("created_at", default=True),
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
    when("created_at", default=True),
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

uploads = Table(
    "uploads",
    metadata,
    Column("image_key", LargeBinary, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    when("created_at", default=True),
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

thumbnails = Table(
    "thumbnails",
    metadata,
    Column("image_id", BigInteger, ForeignKey(images.c.id, ondelete="CASCADE"), primary_key=True),
    # A JPEG, upright and in sRGB, of the bytes whose features are stored.
    Column("data", LargeBinary, nullable=False),
)
