"""What every searcher under measurement offers, ours and the peers alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from benchmarks.search.rows import Rows
from lookalike.features import Features

Query_contra = TypeVar("Query_contra", contravariant=True)

Effort = tuple[int, ...]
"""Settings that trade time for recall, such as (ef_search,); empty for exact searchers."""


class Search(Protocol[Query_contra]):
    """One client's way to ask: a query and k give the numbers of the nearest rows, in order."""

    def __call__(self, query: Query_contra, k: int, /) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Built:
    """What an index cost: the time to build it, and the bytes that it takes beside the rows'.

    `keys_bytes` is the table of keys that the index stands on, with its own
    primary key. A size of 0 where it is not known, or where there is none.
    """

    seconds: float
    index_bytes: int
    table_bytes: int = 0
    keys_bytes: int = 0


class Approach(Protocol):
    """A way to find the nearest rows by cosine distance."""

    @property
    def name(self) -> str:
        """For the report's table."""

    @property
    def is_database(self) -> bool:
        """Whether rows survive a crash and can be added, changed and filtered by a query."""

    @property
    def efforts(self) -> Sequence[Effort]:
        """The least first."""

    def build(self, rows: Rows) -> Built:
        """Take in all rows, shape (n, dimensions); their numbers are what searches give."""

    def client(self, effort: Effort) -> AbstractContextManager[Search[Features]]:
        """One client's searcher with this effort; clients run in threads, each with its own."""

    def close(self) -> None:
        """Give memory, files and processes back."""


def seconds_of(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
