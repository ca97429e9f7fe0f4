"""Recall, latency and rate of one searcher; the same procedure for everyone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmarks.search.approach import Effort, Search

K = 10
WANTED_RECALL = 0.995
N_CLIENTS = 2

_RATE_S = 3.0
_WARM_UP = 50
# A searcher that takes a tenth of a second gets fewer queries, not a quarter of an hour.
_MOST_S = 15.0

Query = TypeVar("Query")
Client = Callable[[Effort], AbstractContextManager[Search[Query]]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One searcher at one effort; times are one client's, the rate that of N_CLIENTS."""

    effort: Effort
    recall: float
    p50_ms: float
    p99_ms: float
    queries_per_s: float


def measure_least_effort(
    client: Client[Query],
    efforts: Sequence[Effort],
    queries: Sequence[Query],
    nearest: Sequence[Sequence[int]],
) -> Measured:
    """Measure at the least effort that finds WANTED_RECALL; at the greatest where none does."""
    return measure(client, least_effort(client, efforts, queries, nearest), queries, nearest)


def least_effort(
    client: Client[Query],
    efforts: Sequence[Effort],
    queries: Sequence[Query],
    nearest: Sequence[Sequence[int]],
) -> Effort:
    """The first that finds WANTED_RECALL; the last where none does."""
    for effort in efforts[:-1]:
        with client(effort) as search:
            answers, _ = ask_all(search, queries)
        if recall(answers, nearest) >= WANTED_RECALL:
            return effort
    return efforts[-1]


def measure(
    client: Client[Query],
    effort: Effort,
    queries: Sequence[Query],
    nearest: Sequence[Sequence[int]],
) -> Measured:
    """Recall and latency with one client, warm, then the rate with N_CLIENTS of them."""
    with client(effort) as search:
        ask_all(search, queries[:_WARM_UP])
        answers, seconds = ask_all(search, queries)
    p50_ms, p99_ms = 1000 * np.percentile(seconds, (50, 99))
    return Measured(
        effort,
        recall(answers, nearest),
        float(p50_ms),
        float(p99_ms),
        rate(lambda: client(effort), queries),
    )


def recall(answers: Sequence[Sequence[int]], nearest: Sequence[Sequence[int]]) -> float:
    """The share of the exact nearest rows that the answers have; 1 where there were none.

    Of the queries that were asked: there may be fewer answers.
    """
    pairs = list(zip(answers, nearest, strict=False))
    n_found = sum(len(set(answer) & set(exact)) for answer, exact in pairs)
    n_wanted = sum(len(exact) for _, exact in pairs)
    return n_found / n_wanted if n_wanted else 1.0


def ask_all(
    search: Search[Query], queries: Sequence[Query]
) -> tuple[list[Sequence[int]], list[float]]:
    """The answers, and the seconds that each took; of fewer queries where they take very long."""
    answers, seconds = [], []
    for query in queries:
        started = time.perf_counter()
        answers.append(search(query, K))
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _MOST_S:
            break
    return answers, seconds


def rate(
    client: Callable[[], AbstractContextManager[Search[Query]]], queries: Sequence[Query]
) -> float:
    """Queries a second of N_CLIENTS threads, each waiting for its answer before it asks again."""
    counts = [0] * N_CLIENTS
    with ExitStack() as stack:
        searches = [stack.enter_context(client()) for _ in range(N_CLIENTS)]
        # What a connection's first search plans is not counted.
        for search in searches:
            search(queries[0], K)
        started = time.perf_counter()

        def ask(number: int) -> None:
            # Clients start at different queries, so that none warms the other's rows.
            for query in _round_and_round(queries, number * len(queries) // N_CLIENTS):
                searches[number](query, K)
                counts[number] += 1
                if time.perf_counter() - started > _RATE_S:
                    return

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(N_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)


def _round_and_round(queries: Sequence[Query], start: int) -> Iterator[Query]:
    while True:
        yield queries[start % len(queries)]
        start += 1
