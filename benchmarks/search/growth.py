"""How latency grows with the rows, against the logarithm of their number, as a plot.

Each point is a collection of its own, with as many rows an object as all
others. The first rows of a large one would show almost every object once:
neighbours that are all as far away need a longer shortlist, and what grew
would be the number of rows an object, too. All are there at once and asked
in turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.search.dataset import Dataset
from benchmarks.search.keys_only import keys_alone
from benchmarks.search.measuring import least_effort
from benchmarks.search.ours import Ours
from benchmarks.search.turns import Point, Side, ask_in_turns
from lookalike.features import Features
from lookalike.indexes import Recipe

Query = TypeVar("Query")


@dataclass(frozen=True, slots=True)
class Growth:
    """A searcher over collections that grow, the smallest first."""

    name: str
    points: Sequence[Point]

    @property
    def ratio(self) -> float:
        """The latency at the most rows over that at the fewest."""
        return self.points[-1].p50_ms / self.points[0].p50_ms

    @property
    def bound(self) -> float:
        """What the ratio may be: twice that of the logarithms of the rows."""
        return self.bound_at(self.points[-1].n_rows)

    def bound_at(self, n_rows: int) -> float:
        """The same for another number of rows."""
        return 2 * math.log(n_rows) / math.log(self.points[0].n_rows)


def measure_growth(
    recipe: Recipe, sizes: Sequence[int], create: Callable[[int], Dataset]
) -> Growth:
    """Whole searches, each at the least effort that suffices."""
    with ExitStack() as stack:
        sides = [stack.enter_context(_collection(recipe, n, create)) for n in sizes]
        return _told(Growth(f"{recipe}", ask_in_turns(sides)))


def measure_keys(sizes: Sequence[int]) -> tuple[Growth, Growth]:
    """The shortlist alone: at one effort for all, and each at the least that suffices."""
    with ExitStack() as stack:
        pairs = [stack.enter_context(keys_alone(n)) for n in sizes]
        points = ask_in_turns([side for pair in pairs for side in pair])
    return (
        _told(Growth("pca, keys only, one effort", points[0::2])),
        _told(Growth("pca, keys only", points[1::2])),
    )


def plot(growths: Sequence[Growth], path: Path) -> None:
    """Write a PNG; without matplotlib, say how to get it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot of the growth: pip install matplotlib")
        return
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for growth in growths:
        rows = [point.n_rows for point in growth.points]
        (line,) = axes.plot(rows, [p.p50_ms for p in growth.points], "o-", label=growth.name)
        bound = [growth.points[0].p50_ms * growth.bound_at(n) for n in rows]
        label = f"bound: {growth.name} × 2 log(rows)"
        axes.plot(rows, bound, ":", color=line.get_color(), label=label)
    rows = sorted({point.n_rows for growth in growths for point in growth.points})
    axes.set(xscale="log", xlabel="rows", ylabel="p50 of one query, ms", ylim=(0, None))
    axes.set_xticks(rows, [f"{n:,}" for n in rows], minor=False)
    axes.minorticks_off()
    axes.set_title("Latency as the collection grows, at recall@10 ≥ 0.995 or one effort")
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"plotted to {path}")


def _told(growth: Growth) -> Growth:
    print(f"growth of {growth.name}: times {growth.ratio:.2f}; {growth.bound:.2f} allowed")
    for point in growth.points:
        print(
            f"  {point.n_rows:,} rows: effort {'/'.join(map(str, point.effort))}, "
            f"recall {point.recall:.4f}, p50 {point.p50_ms:.2f} ms, p99 {point.p99_ms:.2f} ms",
            flush=True,
        )
    return growth


@contextmanager
def _collection(
    recipe: Recipe, n_rows: int, create: Callable[[int], Dataset]
) -> Iterator[Side[Features]]:
    ours, data = Ours(recipe), create(n_rows)
    try:
        ours.build(data.rows)
        effort = least_effort(ours.client, ours.efforts, data.queries, data.nearest)
        with ours.client(effort) as search:
            yield Side(n_rows, effort, search, data.queries, data.nearest)
    finally:
        ours.close()
