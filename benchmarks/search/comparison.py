"""All approaches over the same rows and queries, one after another, each alone in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.approach import Approach, Built
from benchmarks.search.dataset import Dataset, exact_nearest
from benchmarks.search.filtered import Filtered, measure_filtered
from benchmarks.search.measuring import WANTED_RECALL, Measured, measure_least_effort
from benchmarks.search.ours import Ours
from lookalike.indexes import Recipe

_N_STORED = 300


@dataclass(frozen=True, slots=True)
class Result:
    """What an approach cost to build, and what it does at the least effort that suffices."""

    name: str
    is_database: bool
    built: Built
    measured: Measured

    @property
    def rank(self) -> tuple[bool, float]:
        """Greater is better: first who finds enough, then who is faster."""
        return self.measured.recall >= WANTED_RECALL, self.measured.queries_per_s


@dataclass(frozen=True, slots=True)
class OurResult:
    """The same of a recipe of ours; besides, by stored images, and with filters."""

    recipe: Recipe
    result: Result
    by_image: Measured
    filtered: list[Filtered]


def run_ours(recipe: Recipe, data: Dataset) -> OurResult:
    """Build an index of a recipe, and ask it in every way."""
    ours = Ours(recipe)
    try:
        result = _measure(ours, data)
        rows = np.random.default_rng(3).choice(len(data.rows), _N_STORED, replace=False)
        nearest = exact_nearest(data.rows, data.rows[rows].astype(np.float32), left_out=rows)
        by_image = measure_least_effort(ours.client_by_image, ours.efforts, rows.tolist(), nearest)
        _print(f"{ours.name}, by stored image", None, by_image)
        filtered = measure_filtered(ours, result.measured.effort, data)
        for one in filtered:
            print(
                f"  filter of {one.share:.1%}: recall {one.recall:.4f}, {one.n_missing} missing, "
                f"p50 {one.p50_ms:.2f} ms, p99 {one.p99_ms:.2f} ms",
                flush=True,
            )
    finally:
        ours.close()
    return OurResult(recipe, result, by_image, filtered)


def run_peers(create: Sequence[Callable[[], Approach]], data: Dataset) -> list[Result]:
    """Build and measure others, each gone before the next."""
    results = []
    for one in create:
        approach = one()
        try:
            results.append(_measure(approach, data))
        finally:
            approach.close()
    return results


def _measure(approach: Approach, data: Dataset) -> Result:
    built = approach.build(data.rows)
    measured = measure_least_effort(approach.client, approach.efforts, data.queries, data.nearest)
    _print(approach.name, built, measured)
    return Result(approach.name, approach.is_database, built, measured)


def _print(name: str, built: Built | None, measured: Measured) -> None:
    effort = "/".join(map(str, measured.effort)) or "–"
    size = f", {built.index_bytes / 2**20:,.0f} MiB in {built.seconds:.0f} s" if built else ""
    print(
        f"{name}{size}: effort {effort}, recall {measured.recall:.4f}, "
        f"p50 {measured.p50_ms:.2f} ms, p99 {measured.p99_ms:.2f} ms, "
        f"{measured.queries_per_s:,.1f} queries/s",
        flush=True,
    )
