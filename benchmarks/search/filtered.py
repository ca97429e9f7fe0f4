"""Searches among half, a tenth, a hundredth and a thousandth of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.search.approach import Effort
from benchmarks.search.dataset import Dataset, exact_nearest
from benchmarks.search.filters import SHARES, members
from benchmarks.search.measuring import ask_all, recall
from benchmarks.search.ours import Ours

_N_QUERIES = 100


@dataclass(frozen=True, slots=True)
class Filtered:
    """Searches with one filter: the share of rows that pass it, and what was found.

    `n_missing` counts neighbours that exist and were not returned, nor
    another in their place.
    """

    share: float
    recall: float
    n_missing: int
    p50_ms: float
    p99_ms: float


def measure_filtered(ours: Ours, effort: Effort, data: Dataset) -> list[Filtered]:
    """Measure each filter at the effort that unfiltered searches need."""
    return [_measure(ours, effort, data, name) for name in SHARES]


def _measure(ours: Ours, effort: Effort, data: Dataset, name: str) -> Filtered:
    queries = data.queries[:_N_QUERIES]
    nearest = exact_nearest(data.rows, np.stack(queries), allowed=members(len(data.rows))[name])
    with ours.client_with_filter(effort, name) as search:
        ask_all(search, queries)
        answers, seconds = ask_all(search, queries)
    p50_ms, p99_ms = 1000 * np.percentile(seconds, (50, 99))
    return Filtered(
        SHARES[name],
        recall(answers, nearest),
        sum(len(exact) - len(answer) for answer, exact in zip(answers, nearest, strict=False)),
        float(p50_ms),
        float(p99_ms),
    )
