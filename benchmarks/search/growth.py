"""How latency grows with the rows, against the logarithm of their number, as a plot.

Each point is a collection of its own, with as many rows an object as all
others. The first rows of a large one would show almost every object once:
neighbours that are all as far away need a longer shortlist, and what grew
would be the number of rows an object, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.dataset import Dataset
from benchmarks.search.keys_only import KeysOnly
from benchmarks.search.measuring import Measured, measure_least_effort
from benchmarks.search.ours import Ours
from lookalike.indexes import Recipe


@dataclass(frozen=True, slots=True)
class Growth:
    """One recipe over collections that grow, each at the least effort that suffices."""

    recipe: Recipe
    points: tuple[tuple[int, Measured], ...]

    @property
    def ratio(self) -> float:
        """The latency at the most rows over that at the fewest."""
        return self.points[-1][1].p50_ms / self.points[0][1].p50_ms

    @property
    def bound(self) -> float:
        """What the ratio may be: twice that of the logarithms of the rows."""
        return self.bound_at(self.points[-1][0])

    def bound_at(self, n_rows: int) -> float:
        """The same for another number of rows."""
        return 2 * math.log(n_rows) / math.log(self.points[0][0])


def measure_growth(
    recipe: Recipe, n_rows: int, create: Callable[[int], Dataset], at_all_rows: Measured
) -> Growth:
    """Build and measure a tenth, a quarter and half of the rows; all of them are measured."""
    points = [(n, _measure(recipe, create(n))) for n in (n_rows // 10, n_rows // 4, n_rows // 2)]
    return Growth(recipe, (*points, (n_rows, at_all_rows)))


def plot(growths: list[Growth], keys: Sequence[KeysOnly], path: Path) -> None:
    """Write a PNG; without matplotlib, say how to get it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot of the growth: pip install matplotlib")
        return
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for growth in growths:
        rows = [n for n, _ in growth.points]
        (line,) = axes.plot(rows, [m.p50_ms for _, m in growth.points], "o-", label=growth.recipe)
        first = growth.points[0][1].p50_ms
        bound = [first * growth.bound_at(n) for n in rows]
        label = f"bound: {growth.recipe} × 2 log(rows)"
        axes.plot(rows, bound, ":", color=line.get_color(), label=label)
    if keys:
        rows = [one.n_rows for one in keys]
        axes.plot(rows, [one.measured.p50_ms for one in keys], "s-", label="pca, keys only")
    axes.set(xscale="log", xlabel="rows", ylabel="p50 of one query, ms", ylim=(0, None))
    axes.set_xticks(rows, [f"{n:,}" for n in rows], minor=False)
    axes.minorticks_off()
    axes.set_title("Latency at recall@10 ≥ 0.995 as the collection grows")
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"plotted to {path}")


def _measure(recipe: Recipe, data: Dataset) -> Measured:
    ours = Ours(recipe)
    try:
        ours.build(data.rows)
        return measure_least_effort(ours.client, ours.efforts, data.queries, data.nearest)
    finally:
        ours.close()
