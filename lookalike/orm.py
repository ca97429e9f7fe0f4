"""SQLAlchemy for web apps: rows to read, and neighbours to join with tables of one's own.

    nearest, other = neighbours_of(Image.id, k=5), aliased(Product)
    select(Product.name, other.name, nearest.c.distance).select_from(Product)
        .join(Image, Image.id == Product.image_id).where(Image.image_key.is_not(None))
        .join(nearest, true()).join(other, other.image_id == nearest.c.image_id)

The classes can be queried and never written: images come by `Lookalike.add` or `queue.enqueue`.
A table of one's own refers to an image by `ForeignKey(Image.__table__.c.id)`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Unpack

import numpy.typing as npt
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    DOUBLE_PRECISION,
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Text,
    cast,
    column,
    event,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, relationship

from lookalike import tables
from lookalike.errors import Rejected
from lookalike.search.narrowing import Narrowing, parameters
from lookalike.store.halfvec_text import halfvec_text

ImageId = int | ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
"""An image's id, or a column that holds it: then there are neighbours of every row."""


class Row(DeclarativeBase):
    """What all mapped rows are; a session that would write one raises Rejected."""

    metadata = tables.metadata


class Collection(Row):
    """A named set of images that are searched together."""

    __table__ = tables.collections
    id: Mapped[int]
    name: Mapped[str]
    created_at: Mapped[datetime]


class Image(Row):
    """A stored image; `meta` is its metadata, a name that SQLAlchemy keeps for itself."""

    __table__ = tables.images
    __mapper_args__ = {"properties": {"meta": tables.images.c.metadata}}  # noqa: RUF012
    id: Mapped[int]
    collection_id: Mapped[int]
    reference: Mapped[str]
    image_key: Mapped[bytes | None]
    meta: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    collection: Mapped[Collection] = relationship(
        primaryjoin=tables.images.c.collection_id == tables.collections.c.id,
        foreign_keys=[tables.images.c.collection_id],
        viewonly=True,
    )


def neighbours_of(
    image: ImageId,
    *,
    k: int = 10,
    collection: str | None = None,
    name: str = "neighbours",
    **narrowing: Unpack[Narrowing],
) -> FromClause:
    """The k nearest images to a stored one, itself left out, as something to select from.

    Columns: image_id, reference, distance, metadata. An image that has no
    features (yet) is an error of the database, P0002: leave those out by
    `Image.image_key.is_not(None)`. Raises FilterInvalid.
    """
    return (
        func.public.nearest_images(
            cast(image, BigInteger), *_options(k, cast(collection, Text), narrowing)
        )
        .table_valued(*_neighbour())
        .lateral(name)
    )


def neighbours_to(
    features: npt.ArrayLike,
    collection: str,
    *,
    k: int = 10,
    name: str = "neighbours",
    **narrowing: Unpack[Narrowing],
) -> FromClause:
    """The k images of a collection nearest to some features, as something to select from.

    Columns: image_id, reference, distance, metadata. Raises FeaturesInvalid
    and FilterInvalid.
    """
    query = cast(literal(halfvec_text(features), Text), HALFVEC)
    k_, _, *rest = _options(k, cast(None, Text), narrowing)
    return (
        func.public.nearest_images(query, cast(collection, Text), k_, cast(None, Text), *rest)
        .table_valued(*_neighbour())
        .lateral(name)
    )


def duplicates_of(
    image: ImageId, *, collection: str | None = None, k: int = 100, name: str = "duplicates"
) -> FromClause:
    """The images that are the same as a stored one, as something to select from.

    Columns: image_id, reference, tier, distance, metadata.
    """
    return (
        func.public.duplicate_images(
            cast(image, BigInteger), cast(collection, Text), cast(k, Integer)
        )
        .table_valued(*_neighbour(), column("tier", Text))
        .lateral(name)
    )


def _options(
    k: int, collection: ColumnElement[str], narrowing: Narrowing
) -> list[ColumnElement[Any]]:
    # Each with its type: other drivers send parameters without.
    given = parameters(narrowing)
    return [
        cast(k, Integer),
        collection,
        cast(literal(given["filter"], Text), JSONB),
        cast(literal(given["predicate"], Text), JSONPATH),
        cast(given["threshold"], DOUBLE_PRECISION),
        cast(given["exact"], Boolean),
    ]


def _neighbour() -> list[ColumnElement[Any]]:
    return [
        column("image_id", BigInteger),
        column("reference", Text),
        column("distance", DOUBLE_PRECISION),
        column("metadata", JSONB),
    ]


def _refuse(*_: object) -> None:
    raise Rejected("lookalike's rows are read only: add images by Lookalike.add or queue.enqueue")


for _change in ("before_insert", "before_update", "before_delete"):
    event.listen(Row, _change, _refuse, propagate=True)
