"""Rows out: the nearest images. The same SQL functions that psql users call.

A question is one statement: it is asked on a connection of `database.reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import SupportsIndex, Unpack

import numpy as np
from sqlalchemy import Connection, TextClause, exc, text

from lookalike.database.naming import unknown_collection
from lookalike.database.refusals import refusal
from lookalike.errors import Rejected, UnknownCollection, UnknownImage
from lookalike.features import Features, FeatureSpace, Neighbour, Neighbours
from lookalike.search.narrowing import Narrowing, is_storable, parameters
from lookalike.store.halfvec_text import halfvec_text

_NARROWED = """
    CAST(:filter AS jsonb), CAST(:predicate AS jsonpath), :threshold, :exact
"""
_BY_FEATURES = text(f"""
    SELECT * FROM nearest_images(CAST(:features AS halfvec), :collection, :k, :space, {_NARROWED})
""")
_BY_IMAGE = text(f"""
    SELECT * FROM nearest_images(CAST(:image_id AS bigint), :k, :collection, {_NARROWED})
""")
_EXPLAIN = """
    SELECT lookalike.explain_search(CAST(:image_id AS bigint), :k, :collection,
        CAST(:filter AS jsonb), CAST(:predicate AS jsonpath), :exact)
"""
_MAX_ID = 2**63 - 1  # Postgres's bigint


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
    **narrowing: Unpack[Narrowing],
) -> Neighbours:
    """The k images of a collection nearest to some features, nearest first.

    Raises UnknownCollection, FeaturesInvalid, FilterInvalid, and
    WrongFeatureSpace where the features come from another space than the
    collection's. Bare numbers can only be checked for their count.
    """
    values, space = (
        (query.features, query.space.name) if isinstance(query, QueryFeatures) else (query, None)
    )
    question = {
        "features": halfvec_text(values),
        "collection": collection,
        "k": checked_k(k),
        "space": space,
        **parameters(narrowing),
    }
    return Neighbours(_ask(connection, _BY_FEATURES, question), k=k)


def nearest_by_image(
    connection: Connection,
    image_id: int,
    *,
    k: int = 10,
    collection: str | None = None,
    **narrowing: Unpack[Narrowing],
) -> Neighbours:
    """The k images nearest to a stored one, itself left out; by default in its collection.

    Raises UnknownImage where the image is unknown or has no features yet,
    UnknownCollection, FilterInvalid, and WrongFeatureSpace where the
    collection is of another feature space.
    """
    question = {
        "image_id": checked_id(image_id),
        "k": checked_k(k),
        "collection": collection,
        **parameters(narrowing),
    }
    return Neighbours(_ask(connection, _BY_IMAGE, question), k=k)


def explain_by_image(
    connection: Connection,
    image_id: int,
    *,
    k: int = 10,
    collection: str | None = None,
    **narrowing: Unpack[Narrowing],
) -> list[str]:
    """How `nearest_by_image` would go about the same question, line by line; raises as it does."""
    question = {
        "image_id": checked_id(image_id),
        "k": checked_k(k),
        "collection": collection,
        **parameters(narrowing),
    }
    if collection is not None:
        check_collection(connection, collection)
    try:
        return list(connection.scalars(text(_EXPLAIN), question))
    except exc.DBAPIError as error:
        raise refusal(error, collection or image_id) from error


def _ask(
    connection: Connection, statement: TextClause, question: dict[str, object]
) -> list[Neighbour]:
    collection = question["collection"]
    if collection is not None and not _is_name(collection):
        raise unknown_collection(connection, str(collection))
    try:
        rows = connection.execute(statement, question).all()
    except exc.DBAPIError as error:
        refused = refusal(error, collection or question.get("image_id"))
        if isinstance(refused, UnknownCollection):
            # Told after the question and not before it: nearly all of them name one that is there.
            refused = unknown_collection(connection, str(collection))
        raise refused from error
    return [Neighbour(*row) for row in rows]


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
        raise no_features(image_id)
    space = FeatureSpace(row.encoder, row.digest, row.dimensions, row.trained)
    return QueryFeatures(space, _parsed(row.features))


def check_collection(connection: Connection, name: object) -> None:
    """Raise UnknownCollection where no collection has this name."""
    is_known = _is_name(name) and connection.scalar(
        text("SELECT EXISTS (SELECT FROM lookalike.collections WHERE name = :name)"),
        {"name": name},
    )
    if not is_known:
        raise unknown_collection(connection, str(name))


def _is_name(name: object) -> bool:
    """Whether there can be a collection of this name."""
    return isinstance(name, str) and is_storable(name)


def checked_id(image_id: int) -> int:
    """The id as Postgres holds ids; raises UnknownImage for what can be none."""
    if not _is_between(image_id, 1, _MAX_ID):
        raise no_features(image_id)
    return index(image_id)


def checked_k(k: int) -> int:
    """How many neighbours are asked for; raises Rejected."""
    if not _is_between(k, 1, 10_000):
        raise Rejected(f"found k = {k!r:.50}; expected 1 to 10000", value=k)
    return index(k)


def no_features(image_id: object) -> UnknownImage:
    """The error for an image that cannot be searched by."""
    return UnknownImage(
        f"image {image_id!r:.50} has no features: it is unknown, still in the queue, or failed; "
        f"`lookalike why {image_id!r:.50}` tells",
        value=image_id,
    )


def _is_between(value: object, least: int, most: int) -> bool:
    if isinstance(value, int):
        return least <= value <= most
    # Also NumPy's integers, which the driver does not know.
    return isinstance(value, SupportsIndex) and least <= index(value) <= most


def _parsed(halfvec: str) -> Features:
    return np.array(halfvec.strip("[]").split(","), dtype=np.float32)
