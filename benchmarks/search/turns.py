"""Searchers asked in turns, query by query: what else the machine does then falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from benchmarks.search.approach import Effort, Search
from benchmarks.search.measuring import K, recall

_N_ROUNDS = 3
_WARM_UP = 50

Query = TypeVar("Query")


@dataclass(frozen=True, slots=True)
class Side(Generic[Query]):
    """One client of a searcher over so many rows, with its queries and their exact answers."""

    n_rows: int
    effort: Effort
    search: Search[Query]
    queries: Sequence[Query]
    nearest: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Point:
    """What a side did in its turns."""

    n_rows: int
    effort: Effort
    recall: float
    p50_ms: float
    p99_ms: float


def ask_in_turns(sides: Sequence[Side[Query]]) -> list[Point]:
    """Warm, then each query of every side a few times; sides have as many queries each."""
    for side in sides:
        for query in side.queries[:_WARM_UP]:
            side.search(query, K)
    seconds: list[list[float]] = [[] for _ in sides]
    answers: list[list[Sequence[int]]] = [[] for _ in sides]
    for _ in range(_N_ROUNDS):
        for kept in answers:
            kept.clear()
        for number in range(min(len(side.queries) for side in sides)):
            for side, took, kept in zip(sides, seconds, answers, strict=True):
                started = time.perf_counter()
                answer = side.search(side.queries[number], K)
                took.append(time.perf_counter() - started)
                kept.append(answer)
    return [
        Point(side.n_rows, side.effort, recall(kept, side.nearest), *_percentiles(took))
        for side, took, kept in zip(sides, seconds, answers, strict=True)
    ]


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    p50_ms, p99_ms = 1000 * np.percentile(seconds, (50, 99))
    return float(p50_ms), float(p99_ms)
