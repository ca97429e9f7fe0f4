"""Rows of a collection's features, at random or one portion after another, in binary."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from lookalike.database import tallies
from lookalike.features import Features

# COPY's header, and an int16 of -1 at the end: postgresql.org/docs/current/sql-copy.html.
_HEADER_BYTES = 19
_TRAILER_BYTES = 2

_RANGE = """
    SELECT min(image_id), max(image_id) FROM lookalike.features_{space}
    WHERE collection_id = {collection}
"""
# The next image after a random number: along the index, whatever the collection's size.
_PROBES = """
    SELECT DISTINCT ON (image_id) image_id, features FROM unnest(ARRAY[{starts}]::bigint[]) s (id)
    CROSS JOIN LATERAL (
        SELECT f.image_id, f.features FROM lookalike.features_{space} f
        WHERE f.collection_id = {collection} AND f.image_id >= s.id ORDER BY f.image_id LIMIT 1
    ) found
"""
_ALL = """
    SELECT image_id, features FROM lookalike.features_{space} WHERE collection_id = {collection}
"""
_PORTION = """
    SELECT image_id, features FROM lookalike.features_{space}
    WHERE collection_id = {collection} AND image_id > {after} ORDER BY image_id LIMIT {n}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Images' ids, int64 of shape (n,), and their features, float32 of shape (n, d)."""

    image_ids: npt.NDArray[np.int64]
    features: Features

    def __len__(self) -> int:
        return len(self.image_ids)


def draw(
    connection: Connection, collection_id: int, space_id: int, *, n: int, seed: int = 0
) -> Sample:
    """Some n different images of a collection, or all where there are not many more.

    The same seed draws the same ones, as long as the collection stays as it is.
    """
    place = {"space": space_id, "collection": collection_id}
    n_rows = tallies.count_features(connection, collection_id, space_id)
    dice = np.random.default_rng(seed)
    if n_rows <= 2 * n:
        sample = _read(connection, _ALL.format(**place), space_id)
        chosen = dice.permutation(len(sample))[:n]
        return Sample(sample.image_ids[chosen], sample.features[chosen])
    first, last = connection.execute(text(_RANGE.format(**place))).one()
    starts = dice.integers(first, last, size=n, endpoint=True)
    return _read(
        connection, _PROBES.format(starts=",".join(map(str, starts.tolist())), **place), space_id
    )


def walk(
    connection: Connection, collection_id: int, space_id: int, *, portion: int = 2000
) -> Iterator[Sample]:
    """All of a collection, in the order of the ids, some at a time."""
    after = 0
    while True:
        query = _PORTION.format(space=space_id, collection=collection_id, after=after, n=portion)
        rows = _read(connection, query, space_id)
        if not len(rows):
            return
        yield rows
        after = int(rows.image_ids[-1])


def _read(connection: Connection, query: str, space_id: int) -> Sample:
    n_features = connection.scalar(
        text("SELECT dimensions FROM lookalike.feature_spaces WHERE id = :id"), {"id": space_id}
    )
    rows = np.dtype(
        [
            ("n_fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("features_length", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("features", ">f2", (int(n_features or 0),)),
        ]
    )
    buffer = io.BytesIO()
    with closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", buffer)
    data = buffer.getbuffer()
    found = np.frombuffer(data[_HEADER_BYTES : len(data) - _TRAILER_BYTES], rows)
    return Sample(found["id"].astype(np.int64), found["features"].astype(np.float32))
