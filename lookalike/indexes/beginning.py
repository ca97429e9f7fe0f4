"""The first step of an index: a transform fitted on a sample, and an empty table of keys.

From the commit on, writers add the keys of what they write; `building` adds
those of what was there before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Connection, Engine, exc, text

from lookalike.database import tallies, transaction
from lookalike.errors import Rejected
from lookalike.indexes import objects
from lookalike.indexes.recipes import PCA_DIMENSIONS, Recipe, Transform, Wish, choose, fit
from lookalike.indexes.records import Place, SearchIndex, read_index
from lookalike.indexes.sampling import draw

LEAST_ROWS = 100
"""An index over fewer is refused: the axes would be fitted on nothing."""

N_FITTED = 10_000
"""Images that a transform is fitted on: 80 MB of 4,032 features, and some seconds."""

ROWS_A_PARTITION = 20_000_000
"""Keys in one table: a larger one outgrows the memory in which its index is built."""

_LOCK_TRIES = 30
# Until it is tuned: recall@10 of 0.995 and more on EfficientNet's features of real photographs.
_EF_SEARCH = 100
_SHORTLIST: dict[Recipe, int] = {"pca": 50, "bits": 100}


def begin(
    engine: Engine, place: Place, wish: Wish = "auto", dimensions: int = PCA_DIMENSIONS
) -> SearchIndex:
    """Fit a recipe on a collection, and let writers keep keys from now on.

    Raises Rejected where there are too few images to fit it on.
    """
    with transaction(engine) as connection:
        n_rows = tallies.count_features(connection, place.collection_id, place.space_id)
        sample = draw(connection, place.collection_id, place.space_id, n=N_FITTED)
    if len(sample) < LEAST_ROWS:
        raise Rejected(
            f"the collection {place.collection!r} has {len(sample)} images with features; an "
            f"index is fitted on {LEAST_ROWS} at least, and for so few an exact search is as "
            "fast: search without one",
            value=len(sample),
        )
    transform = fit(choose(wish, len(sample)), sample.features, dimensions=dimensions)
    with _writers_held(engine, place.space_id) as connection:
        index_id = _insert(connection, place, transform, 1 + n_rows // ROWS_A_PARTITION)
        index = read_index(connection, place.collection, index_id)
        objects.create(connection, index)
    return index


def _insert(connection: Connection, place: Place, transform: Transform, partitions: int) -> int:
    index_id = connection.execute(
        text("""
            INSERT INTO lookalike.search_indexes (collection_id, space_id, recipe, dimensions,
                partitions, n_fitted, captured, ef_search, n_shortlist)
            VALUES (:collection_id, :space_id, :recipe, :dimensions, :partitions, :n_fitted,
                :captured, :ef_search, :n_shortlist) RETURNING id
        """),
        {
            "collection_id": place.collection_id,
            "space_id": place.space_id,
            "recipe": transform.recipe,
            "dimensions": transform.dimensions,
            "partitions": partitions,
            "n_fitted": transform.n_fitted,
            "captured": transform.captured,
            "ef_search": _EF_SEARCH,
            "n_shortlist": _SHORTLIST[transform.recipe],
        },
    ).scalar_one()
    connection.execute(
        text("""
            INSERT INTO lookalike.key_axes (index_id, number, axis, origin)
            VALUES (:index_id, :number, CAST(:axis AS halfvec), :origin)
        """),
        [
            {
                "index_id": index_id,
                "number": number,
                "axis": HalfVector(axis).to_text(),
                "origin": float(origin),
            }
            for number, (axis, origin) in enumerate(
                zip(transform.axes, transform.origins.astype(np.float64), strict=True)
            )
        ],
    )
    return int(index_id)


@contextmanager
def _writers_held(engine: Engine, space_id: int) -> Iterator[Connection]:
    """A transaction that begins when no writer of the space is in the midst of one.

    Who began before would not know of the index, and after the keys were
    filled in nobody would look for what he wrote. They wait for
    milliseconds: behind a long transaction this gives way, and tries again.
    """
    for left in reversed(range(_LOCK_TRIES)):
        with transaction(engine) as connection:
            if _hold_writers(connection, space_id, is_last=left == 0):
                yield connection
                return


def _hold_writers(connection: Connection, space_id: int, *, is_last: bool) -> bool:
    connection.execute(text("SET LOCAL lock_timeout = '1s'"))
    try:
        with connection.begin_nested():
            connection.execute(
                text(f"LOCK TABLE lookalike.features_{space_id} IN SHARE ROW EXCLUSIVE MODE")
            )
    except exc.OperationalError:
        if is_last:
            raise
        return False
    return True
