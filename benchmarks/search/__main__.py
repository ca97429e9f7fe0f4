"""Recall, latency and rate of searches: ours, the exact scan, and others, in one run.

    pip install faiss-cpu hnswlib lancedb matplotlib qdrant-client    # those that are wanted
    python -m benchmarks.search [--rows 200000] [--images FOLDER]

Two sets of rows: synthetic ones of NASNet's 4,032 dimensions, and features of
photographs by EfficientNet-Lite0, 1,280. Every approach gets the same rows
and queries, is built and measured alone, and is compared at its least effort
that finds 0.995 of the ten nearest; latency by one client, the rate by two.
Where one never finds so many, its greatest effort counts. An index's size is
that of pgvector's index alone; the last line has it with its table of keys
too. The figures of the last line are those of the
synthetic rows, asked by features, but for the fields that begin with `real`.

200,000 rows take 9 GB of memory while pgvector's index over 4,000 dimensions
is built, 6 GB of disk, and most of an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.search.approach import Approach
from benchmarks.search.comparison import OurResult, Result, run_ours, run_peers
from benchmarks.search.dataset import CACHE, Dataset, synthetic
from benchmarks.search.growth import Growth, measure_growth, plot
from benchmarks.search.keys_only import KeysOnly, measure_keys
from benchmarks.search.peers import installed_peers
from benchmarks.search.peers.pgvector_table import PgvectorScan, PgvectorSubvector
from benchmarks.search.photographs import IMAGES, real
from benchmarks.search.summary import summarize
from lookalike.indexes import Recipe

_RECIPES: tuple[Recipe, ...] = ("pca", "bits")


def main() -> None:
    given = _arguments()
    print(machine(), flush=True)
    photographs = real(given.images)
    chosen = given.recipes, given.peers
    ours, peers = _compare(photographs, *chosen) if photographs else ([], [])
    figures = {f"real_{k}": v for k, v in summarize(ours, peers, []).items()} if ours else {}
    rows = synthetic(given.rows)
    ours, peers = _compare(rows, *chosen)
    growths, keys = ([], []) if given.without_growth else _grow(ours, given.rows, given.plot)
    print(json.dumps(summarize(ours, peers, growths, keys) | figures))


def _compare(
    data: Dataset, recipes: list[Recipe], peers: list[str] | None
) -> tuple[list[OurResult], list[Result]]:
    n, dimensions = data.rows.shape
    print(f"\n{data.name}: {n:,} rows of {dimensions:,}, {len(data.queries)} queries", flush=True)
    others: list[Callable[[], Approach]] = [PgvectorSubvector, *installed_peers(n)]
    wanted = [one for one in others if peers is None or _name(one) in peers]
    return [run_ours(recipe, data) for recipe in recipes], run_peers([PgvectorScan, *wanted], data)


def _name(approach: Callable[[], Approach]) -> str:
    """Its class's, as `--peers` takes it."""
    return str(getattr(approach, "__name__", ""))


def _grow(ours: list[OurResult], n_rows: int, path: Path) -> tuple[list[Growth], list[KeysOnly]]:
    growths = [measure_growth(one.recipe, n_rows, synthetic, one.result.measured) for one in ours]
    for growth in growths:
        line = ", ".join(f"{n:,}: {m.p50_ms:.2f} ms" for n, m in growth.points)
        print(f"growth of {growth.recipe}: {line}")
        print(f"  times {growth.ratio:.2f}; {growth.bound:.2f} allowed", flush=True)
    keys = []
    for n in (n_rows // 10, n_rows, 5 * n_rows):
        one = measure_keys(n)
        keys.append(one)
        print(
            f"shortlist alone over {n:,} keys: recall {one.measured.recall:.4f}, "
            f"p50 {one.measured.p50_ms:.2f} ms, p99 {one.measured.p99_ms:.2f} ms",
            flush=True,
        )
    plot(growths, keys, path)
    return growths, keys


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000, help="of the synthetic set")
    parser.add_argument("--images", type=Path, default=IMAGES, help="photographs to encode")
    parser.add_argument("--plot", type=Path, default=CACHE / "growth.png")
    parser.add_argument("--without-growth", action="store_true")
    parser.add_argument("--recipes", nargs="+", choices=_RECIPES, default=list(_RECIPES))
    parser.add_argument("--peers", nargs="*", help="their classes' names; by default all")
    return parser.parse_args()


if __name__ == "__main__":
    main()
