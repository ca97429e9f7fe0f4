"""faiss, in this process: its HNSW graph and its exhaustive scan, over unit rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import faiss

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.rows import Rows, portions, unit
from lookalike.features import Features


class FaissHnsw:
    """IndexHNSWFlat with m = 16; vectors of 4 bytes a number are part of the index."""

    name = "faiss HNSW, in process"
    is_database = False
    efforts: Sequence[Effort] = tuple((ef,) for ef in (10, 20, 40, 60, 100, 200, 400))

    def __init__(self) -> None:
        self._index: Any = None

    def build(self, rows: Rows) -> Built:
        self._index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = 128
        return _build(self._index, rows)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        parameters = faiss.SearchParametersHNSW(efSearch=effort[0])
        yield lambda query, k: _search(self._index, query, k, parameters)

    def close(self) -> None:
        self._index = None


class FaissFlat:
    """IndexFlatIP: every row is looked at."""

    name = "faiss flat, in process"
    is_database = False
    efforts: Sequence[Effort] = ((),)

    def __init__(self) -> None:
        self._index: Any = None

    def build(self, rows: Rows) -> Built:
        self._index = faiss.IndexFlatIP(rows.shape[1])
        return _build(self._index, rows)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        del effort  # there is only one
        # One thread a query, as everyone has: clients are what runs side by side.
        faiss.omp_set_num_threads(1)
        yield lambda query, k: _search(self._index, query, k, None)

    def close(self) -> None:
        self._index = None


def _build(index: Any, rows: Rows) -> Built:
    def add() -> None:
        for _, portion in portions(rows):
            index.add(portion)

    seconds = seconds_of(add)
    return Built(seconds, rows.shape[0] * rows.shape[1] * 4)


def _search(index: Any, query: Features, k: int, parameters: Any) -> Sequence[int]:
    numbers: list[int] = index.search(unit(query[None]), k, params=parameters)[1][0].tolist()
    return numbers
