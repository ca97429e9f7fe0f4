"""LanceDB, embedded: an on-disk table with its HNSW index over scalar-quantised vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lancedb
import pyarrow as pa

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.rows import Rows, portions
from lookalike.features import Features


class LanceDb:
    """IVF_HNSW_SQ with the number of partitions that LanceDB picks; reranked exactly."""

    name = "LanceDB, IVF_HNSW_SQ"
    is_database = True
    # It wants ef to be k times the refine factor at least.
    efforts: Sequence[Effort] = tuple((ef,) for ef in (40, 80, 160, 320, 640))

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lookalike-lancedb-")

    def build(self, rows: Rows) -> Built:
        schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.float32(), rows.shape[1]))])
        table = lancedb.connect(self._folder.name).create_table("rows", _batches(rows), schema)
        in_rows = _size(self._folder.name)
        seconds = seconds_of(
            lambda: table.create_index(
                "cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ"
            )
        )
        return Built(seconds, _size(self._folder.name) - in_rows)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        table = lancedb.connect(self._folder.name).open_table("rows")

        def search(query: Features, k: int) -> Sequence[int]:
            asked = table.search(query).distance_type("cosine").ef(effort[0]).refine_factor(4)
            found: list[int] = (
                asked.limit(k).select(["id", "_distance"]).to_arrow()["id"].to_pylist()
            )
            return found

        yield search

    def close(self) -> None:
        self._folder.cleanup()


def _batches(rows: Rows) -> Iterator[pa.RecordBatch]:
    for start, portion in portions(rows):
        vectors = pa.FixedSizeListArray.from_arrays(portion.reshape(-1), rows.shape[1])
        ids = pa.array(range(start, start + len(portion)), pa.int64())
        yield pa.record_batch([ids, vectors], names=["id", "vector"])


def _size(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
