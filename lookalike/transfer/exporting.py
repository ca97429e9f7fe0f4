"""A collection's images and features out of Postgres, as they stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, text

from lookalike.database import tallies, translated
from lookalike.database.naming import unknown_collection
from lookalike.errors import Rejected
from lookalike.features import FeatureSpace
from lookalike.store import binary_copy
from lookalike.transfer.exported import Header, Rows

_COLLECTION = """
    SELECT c.id, c.space_id, s.encoder, s.digest, s.dimensions, s.trained
    FROM lookalike.collections c LEFT JOIN lookalike.feature_spaces s ON s.id = c.space_id
    WHERE c.name = :name
"""
# Along the index, from where the portion before has ended.
_FEATURES = """
    COPY (
        SELECT image_id, features FROM lookalike.features
        WHERE space_id = {space_id} AND collection_id = {collection_id} AND image_id > {after}
        ORDER BY image_id LIMIT {n}
    ) TO STDOUT (FORMAT binary)
"""
_IMAGES = """
    SELECT id, reference, metadata::text AS metadata, image_key, created_at
    FROM lookalike.images WHERE id = ANY(:ids) ORDER BY id
"""
_UPLOADS = """
    SELECT 'upload:' || encode(image_key, 'hex') AS reference, data
    FROM lookalike.uploads WHERE image_key = ANY(ARRAY(
        SELECT decode(right(reference, 64), 'hex') FROM lookalike.images
        WHERE id = ANY(:ids) AND reference ~ '^upload:[0-9a-f]{64}$'
    ))
"""

# Of features in memory at a time; a file's row groups are as large.
_PORTION_BYTES = 16 << 20
_MOST_ROWS = 20_000
# Pictures have megabytes each.
_MOST_UPLOADS = 50


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection at one moment, while its transaction is open."""

    connection: Connection
    header: Header
    n_images: int
    collection_id: int
    space_id: int

    def read(self, *, with_uploads: bool) -> Iterator[Rows]:
        """All images that have features, in the order of their ids, some at a time."""
        dimensions = self.header.space.dimensions
        n = max(1, min(_MOST_ROWS, _PORTION_BYTES // (2 * dimensions)))
        n = min(n, _MOST_UPLOADS) if with_uploads else n
        after = 0
        while True:
            statement = _FEATURES.format(
                space_id=self.space_id, collection_id=self.collection_id, after=after, n=n
            )
            stream = binary_copy.receive(self.connection, statement)
            ids, features = binary_copy.unpack_features(stream, dimensions)
            if not len(ids):
                return
            after = int(ids[-1])
            some = ids.tolist()
            images = self.connection.execute(text(_IMAGES), {"ids": some}).all()
            assert [image.id for image in images] == some
            yield Rows(
                [image.reference for image in images],
                [image.metadata for image in images],
                [image.image_key and bytes(image.image_key) for image in images],
                [image.created_at for image in images],
                features,
                self._uploads(some, images) if with_uploads else None,
            )

    def _uploads(
        self, ids: list[int], images: Sequence[Row[tuple[object, ...]]]
    ) -> list[bytes | None]:
        rows = self.connection.execute(text(_UPLOADS), {"ids": ids})
        found = {row.reference: bytes(row.data) for row in rows}
        return [found.get(image.reference) for image in images]


@contextmanager
def snapshot(engine: Engine, collection: str) -> Iterator[Snapshot]:
    """A collection as it stands now, whatever is written meanwhile.

    Raises UnknownCollection, and Rejected where nothing was embedded in it yet.
    """
    with translated(), engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield _opened(connection, collection)


def _opened(connection: Connection, collection: str) -> Snapshot:
    row = connection.execute(text(_COLLECTION), {"name": collection}).first()
    if row is None:
        raise unknown_collection(connection, collection)
    if row.space_id is None:
        raise Rejected(
            f"the collection {collection!r} has no feature space yet, so nothing to export: start "
            "a worker",
            value=collection,
        )
    space = FeatureSpace(row.encoder, row.digest, row.dimensions, row.trained)
    n_images = tallies.count_features(connection, row.id, row.space_id)
    return Snapshot(connection, Header(collection, space), n_images, row.id, row.space_id)
