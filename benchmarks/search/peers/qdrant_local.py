"""qdrant's client in local mode: its API over NumPy in this process, which scans all rows.

The server has an HNSW index; it is no Python package, so it is not measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qdrant_client import QdrantClient, models

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.rows import Rows, portions
from lookalike.features import Features

_COLLECTION = "rows"


class QdrantLocal:
    """A collection in memory, by cosine distance."""

    name = "qdrant, local mode"
    is_database = True
    efforts: Sequence[Effort] = ((),)

    def __init__(self) -> None:
        self._client = QdrantClient(":memory:")

    def build(self, rows: Rows) -> Built:
        of_rows = models.VectorParams(size=rows.shape[1], distance=models.Distance.COSINE)
        self._client.create_collection(_COLLECTION, vectors_config=of_rows)

        def add() -> None:
            for start, portion in portions(rows):
                ids = list(range(start, start + len(portion)))
                batch = models.Batch(ids=ids, vectors=portion)
                self._client.upsert(_COLLECTION, batch)

        with warnings.catch_warnings():
            # "Local mode is not recommended for collections with more than 20,000 points."
            warnings.simplefilter("ignore")
            return Built(seconds_of(add), 0)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        del effort  # there is only one

        def search(query: Features, k: int) -> Sequence[int]:
            found = self._client.query_points(_COLLECTION, query, limit=k, with_payload=False)
            return [int(point.id) for point in found.points]

        yield search

    def close(self) -> None:
        self._client.close()
