"""The rows of `search_indexes`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

from lookalike.database.naming import find_collection
from lookalike.errors import Rejected
from lookalike.indexes.recipes import Recipe

State = Literal["filling", "building", "serving", "retired"]

_READ = """
    SELECT x.id, x.collection_id, c.name AS collection, x.space_id,
        s.encoder || '@' || left(s.digest, 12) AS space, s.dimensions AS n_features,
        x.recipe, x.dimensions, x.partitions, x.state, x.filled_to, x.n_fitted, x.captured,
        x.ef_search, x.n_shortlist, x.recall_target, x.recall, x.recall_k, x.n_sampled,
        x.measured_at, x.created_at, x.serving_at
    FROM lookalike.search_indexes x
    JOIN lookalike.collections c ON c.id = x.collection_id
    JOIN lookalike.feature_spaces s ON s.id = x.space_id
    WHERE (CAST(:collection_id AS integer) IS NULL OR x.collection_id = :collection_id)
    ORDER BY c.name, x.id
"""


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """One index of a collection's features in one feature space.

    A search looks at `ef_search` candidates on the way (pgvector's word) and
    takes the best `n_shortlist` by key into the exact order. `recall` is
    recall@`recall_k` over `n_sampled` queries, as it was measured last.
    """

    id: int
    collection_id: int
    collection: str
    space_id: int
    space: str
    n_features: int
    recipe: Recipe
    dimensions: int
    partitions: int
    state: State
    filled_to: int
    n_fitted: int
    captured: float
    ef_search: int
    n_shortlist: int
    recall_target: float | None
    recall: float | None
    recall_k: int | None
    n_sampled: int | None
    measured_at: datetime | None
    created_at: datetime
    serving_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A collection, and the feature space that serves it."""

    collection: str
    collection_id: int
    space_id: int


def find_place(connection: Connection, collection: str) -> Place:
    """Raises UnknownCollection, and Rejected where no worker has ever embedded an image of it."""
    collection_id = find_collection(connection, collection)
    space_id = connection.scalar(
        text("SELECT space_id FROM lookalike.collections WHERE id = :id"), {"id": collection_id}
    )
    if space_id is None:
        raise Rejected(
            f"the collection {collection!r} has no features yet: start a worker first, and wait "
            "until `lookalike status` shows its images as done",
            value=collection,
        )
    return Place(collection, collection_id, int(space_id))


def read_indexes(connection: Connection, collection: str | None = None) -> list[SearchIndex]:
    """All indexes, of a collection or of all of them; raises UnknownCollection."""
    collection_id = None if collection is None else find_collection(connection, collection)
    rows = connection.execute(text(_READ), {"collection_id": collection_id})
    return [SearchIndex(**row._asdict()) for row in rows]


def serving_index(connection: Connection, place: Place) -> SearchIndex | None:
    """The index that searches of a collection use, or None where they are exact."""
    return next(
        (
            index
            for index in read_indexes(connection, place.collection)
            if index.state == "serving" and index.space_id == place.space_id
        ),
        None,
    )


def read_index(connection: Connection, collection: str, index_id: int) -> SearchIndex:
    """One index, which has to be there."""
    return next(one for one in read_indexes(connection, collection) if one.id == index_id)
