"""Rows out: the nearest images. The same SQL functions that psql users call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Connection, exc, text

from lookalike.errors import Rejected, UnknownImage, WrongFeatureSpace
from lookalike.features import Features, FeatureSpace, Neighbour
from lookalike.queue import unknown_collection

_BY_FEATURES = """
    SELECT * FROM nearest_images(CAST(:features AS halfvec), :collection, :k, :space)
"""
_BY_IMAGE = "SELECT * FROM nearest_images(CAST(:image_id AS bigint), :k, :collection)"


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """A query image's features, float32 of shape (dimensions,), with the space they live in."""

    space: FeatureSpace
    features: Features


def nearest_by_features(
    connection: Connection,
    collection: str,
    query: QueryFeatures | Features,
    *,
    k: int = 10,
) -> list[Neighbour]:
    """The k images of a collection nearest to some features, nearest first; exact.

    Raises UnknownCollection, and WrongFeatureSpace where the features come
    from another space than the collection's. Bare numbers can only be
    checked for their count.
    """
    values, space = (
        (query.features, query.space.name) if isinstance(query, QueryFeatures) else (query, None)
    )
    parameters = {
        "features": HalfVector(np.asarray(values, dtype=np.float32)).to_text(),
        "collection": collection,
        "k": _checked(k),
        "space": space,
    }
    check_collection(connection, collection)
    try:
        rows = connection.execute(text(_BY_FEATURES), parameters).all()
    except exc.DBAPIError as error:
        raise _translated(error, collection) from error
    return [Neighbour(**row._asdict()) for row in rows]


def nearest_by_image(
    connection: Connection, image_id: int, *, k: int = 10, collection: str | None = None
) -> list[Neighbour]:
    """The k images nearest to a stored one, itself left out; by default in its collection.

    Raises UnknownImage where the image is unknown or has no features yet.
    """
    parameters = {"image_id": image_id, "k": _checked(k), "collection": collection}
    try:
        rows = connection.execute(text(_BY_IMAGE), parameters).all()
    except exc.DBAPIError as error:
        raise _translated(error, collection or image_id) from error
    return [Neighbour(**row._asdict()) for row in rows]


def features_of_query(connection: Connection, job_id: int) -> QueryFeatures | None:
    """The features that a finished query job found, or None where there are none (any more)."""
    row = connection.execute(
        text("""
            SELECT s.encoder, s.digest, s.dimensions, s.trained, q.features::text AS features
            FROM lookalike.query_features q JOIN lookalike.feature_spaces s ON s.id = q.space_id
            WHERE q.job_id = :id
        """),
        {"id": job_id},
    ).first()
    if row is None:
        return None
    space = FeatureSpace(row.encoder, row.digest, row.dimensions, row.trained)
    return QueryFeatures(space, _parsed(row.features))


def features_of_image(connection: Connection, image_id: int) -> QueryFeatures:
    """A stored image's features in its collection's space; raises UnknownImage if it has none."""
    row = connection.execute(
        text("""
            SELECT s.encoder, s.digest, s.dimensions, s.trained, f.features::text AS features
            FROM lookalike.images i JOIN lookalike.collections c ON c.id = i.collection_id
            JOIN lookalike.feature_spaces s ON s.id = c.space_id
            JOIN lookalike.features f ON f.space_id = s.id AND f.image_id = i.id
            WHERE i.id = :id
        """),
        {"id": image_id},
    ).first()
    if row is None:
        raise UnknownImage(
            f"image {image_id} has no features: it is unknown, still in the queue, or failed; "
            f"`lookalike why {image_id}` tells",
            value=image_id,
        )
    space = FeatureSpace(row.encoder, row.digest, row.dimensions, row.trained)
    return QueryFeatures(space, _parsed(row.features))


def check_collection(connection: Connection, name: str) -> None:
    """Raise UnknownCollection where no collection has this name."""
    is_known = connection.scalar(
        text("SELECT EXISTS (SELECT FROM lookalike.collections WHERE name = :name)"),
        {"name": name},
    )
    if not is_known:
        raise unknown_collection(connection, name)


def _parsed(halfvec: str) -> Features:
    return np.array(halfvec.strip("[]").split(","), dtype=np.float32)


def _checked(k: int) -> int:
    if not 1 <= k <= 10_000:
        raise Rejected(f"found k = {k}; expected 1 to 10000", value=k)
    return k


def _translated(error: exc.DBAPIError, value: object) -> Exception:
    code = getattr(error.orig, "pgcode", None)
    message = str(error.orig).partition("\nCONTEXT")[0].replace("\nHINT: ", ":").strip()
    if code == "22000":
        return WrongFeatureSpace(message, value=value)
    if code == "P0002":
        return UnknownImage(message, value=value)
    return error
