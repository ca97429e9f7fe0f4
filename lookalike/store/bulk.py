"""Features that are there already, by the thousand: images and features in, without jobs.

Copied straight where an image is new: nobody else can know it, so nothing can be in the way. What
was there goes through a staging table, which writes its 8 kB twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.database.naming import ensure_collection
from lookalike.database.pairs import in_pairs
from lookalike.errors import WrongFeatureSpace
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageRef
from lookalike.jobs import Request
from lookalike.store import binary_copy, outcomes
from lookalike.store.halves import Halves, halved
from lookalike.store.image_rows import columns_of, hold_images

# Of features, in one transaction: a round trip and a commit cost little beside it, and two at a
# time overlap. What triggers are shown of it fits Postgres's default of work_mem.
_PORTION_BYTES = 3 << 20
_MOST_ROWS = 5000

_SPACE = "SELECT id, dimensions FROM lookalike.feature_spaces WHERE digest = :digest"

_COLLECTION = "SELECT id, space_id FROM lookalike.collections WHERE name = :name"
_MAKE_COLLECTION = """
    INSERT INTO lookalike.collections (name, space_id) SELECT :name, :space_id
    WHERE length(:name) BETWEEN 1 AND 200
    ON CONFLICT (name) DO NOTHING
"""
_ADOPT_COLLECTION = """
    UPDATE lookalike.collections SET space_id = :space_id
    WHERE name = :name AND space_id IS NULL
"""

_COPY = f"COPY lookalike.features ({binary_copy.FEATURES_COLUMNS}) FROM STDIN (FORMAT binary)"
# Left empty by an earlier call in the same transaction too.
_STAGING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS given_features (
        space_id integer, collection_id integer, image_id bigint, features halfvec
    ) ON COMMIT DELETE ROWS;
    TRUNCATE given_features
"""
_COPY_STAGED = f"COPY given_features ({binary_copy.FEATURES_COLUMNS}) FROM STDIN (FORMAT binary)"
# Equal ones are left as they are: doing it again writes nothing.
_UPSERT = """
    INSERT INTO lookalike.features AS f (space_id, collection_id, image_id, features)
    SELECT space_id, collection_id, image_id, features FROM given_features ORDER BY image_id
    ON CONFLICT (space_id, image_id) DO UPDATE SET features = excluded.features
    WHERE f.features <> excluded.features
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where features go."""

    space_id: int
    collection_id: int


def portion_size(space: FeatureSpace) -> int:
    """How many images are stored in one transaction."""
    return max(1, min(_MOST_ROWS, _PORTION_BYTES // (2 * space.dimensions)))


def add_features(
    engine: Engine,
    collection: str,
    space: FeatureSpace,
    images: Sequence[Request],
    features: Features | Halves,
) -> Iterator[list[int]]:
    """Store images with their features, some megabytes a transaction, as it is iterated.

    Yields the images' ids of each committed portion, in order; otherwise as
    `write_features`. At an error what was yielded before stays, and doing
    all of it again is safe.
    """
    if len(images) != len(features):
        raise WrongFeatureSpace(
            f"found {len(features)} rows of features for {len(images)} images; expected as many",
            value=len(features),
        )
    size = portion_size(space)

    def add(start: int) -> list[int]:
        some = slice(start, start + size)
        with transaction(engine) as connection:
            return write_features(connection, collection, space, images[some], features[some])

    starts = range(0, len(images), size)
    if len({image.reference.text for image in images}) == len(images):
        yield from in_pairs(add, starts)
    else:
        # Of an image that is given twice the last counts, so no portion may overtake another.
        yield from map(add, starts)


def write_features(
    connection: Connection,
    collection: str,
    space: FeatureSpace,
    images: Sequence[Request],
    features: Features | Halves,
    *,
    zeros_allowed: bool = False,
) -> list[int]:
    """Store images and their features in the caller's transaction; gives the images' ids.

    `features`, float32 or float16 of shape (n, dimensions), has a row for
    each image. The feature space, the collection and images are made where
    they do not exist. Of an image that is there, features are replaced and
    metadata is merged; of one that is given twice the last counts. Again is
    as once. Writers at the same time wait for each other in one order, if a
    transaction calls this once. Raises WrongFeatureSpace, FeaturesInvalid,
    MetadataInvalid or ReferenceInvalid, with no image written.
    """
    halves = halved(features, space, len(images), zeros_allowed=zeros_allowed)
    references = [ImageRef.parse(image.reference.text).text for image in images]
    rows = {reference: row for row, reference in enumerate(references)}
    columns = columns_of({reference: images[row] for reference, row in rows.items()})
    if not references:
        return []
    place = _place(connection, collection, space)
    held = hold_images(connection, place.space_id, place.collection_id, columns)
    _copy(connection, _pack(place, held.made, halves, rows))
    _upsert(connection, _pack(place, held.found, halves, rows))
    ids = held.made | held.found
    return [ids[reference] for reference in references]


def _pack(
    place: _Place, ids: Mapping[str, int], halves: Halves, rows: Mapping[str, int]
) -> bytes | None:
    if not ids:
        return None
    image_ids = np.fromiter(ids.values(), np.int64, len(ids))
    chosen = halves[[rows[reference] for reference in ids]]
    return binary_copy.pack_features(place.space_id, place.collection_id, image_ids, chosen)


def _copy(connection: Connection, stream: bytes | None) -> None:
    if stream is not None:
        binary_copy.send(connection, _COPY, stream)


def _upsert(connection: Connection, stream: bytes | None) -> None:
    if stream is not None:
        connection.execute(text(_STAGING))
        binary_copy.send(connection, _COPY_STAGED, stream)
        connection.execute(text(_UPSERT))


def _place(connection: Connection, collection: str, space: FeatureSpace) -> _Place:
    """The collection, which serves the space from here on if it served none."""
    space_id = _space(connection, space)
    values = {"name": collection, "space_id": space_id}
    row = connection.execute(text(_COLLECTION), values).first()
    if row is not None and row.space_id == space_id:
        return _Place(space_id, row.id)
    connection.execute(text(_MAKE_COLLECTION), values)
    connection.execute(text(_ADOPT_COLLECTION), values)
    collection_id, serving = ensure_collection(connection, collection)
    if serving != space_id:
        raise WrongFeatureSpace(
            f"found features of {space.name}; the collection {collection!r} serves another "
            "feature space: give another collection, or encode the images with its encoder",
            value=space.name,
        )
    return _Place(space_id, collection_id)


def _space(connection: Connection, space: FeatureSpace) -> int:
    # Looked for first: registering takes a lock, and two portions would wait for each other.
    row = connection.execute(text(_SPACE), {"digest": space.digest}).first()
    if row is None:
        return outcomes.register_space(connection, space)
    if row.dimensions != space.dimensions:
        raise WrongFeatureSpace(
            f"found {space.dimensions} dimensions for the feature space {space.name}; expected "
            f"{row.dimensions}, as it has in the database",
            value=space.dimensions,
        )
    return int(row.id)
