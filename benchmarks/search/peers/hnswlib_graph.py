"""hnswlib, in this process: no durability, no filters, and no round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hnswlib

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.peers import HNSWLIB
from benchmarks.search.rows import Rows, portions, unit
from lookalike.features import Features


class Hnswlib:
    """Its defaults, m = 16, with the ef_construction of our own indexes."""

    name = HNSWLIB
    is_database = False
    efforts: Sequence[Effort] = tuple((ef,) for ef in (10, 20, 40, 60, 100, 200, 400))

    def __init__(self) -> None:
        self._index: Any = None

    def build(self, rows: Rows) -> Built:
        self._index = index = hnswlib.Index("ip", rows.shape[1])
        index.init_index(len(rows), M=16, ef_construction=128, random_seed=0)

        def add() -> None:
            for _, portion in portions(rows):
                index.add_items(portion)

        seconds = seconds_of(add)
        return Built(seconds, index.index_file_size())

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        self._index.set_ef(effort[0])

        def search(query: Features, k: int) -> Sequence[int]:
            numbers, _ = self._index.knn_query(unit(query[None]), k=k, num_threads=1)
            found: list[int] = numbers[0].tolist()
            return found

        yield search

    def close(self) -> None:
        self._index = None
