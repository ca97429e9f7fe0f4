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
from benchmarks.search.growth import Growth, measure_growth, measure_keys, plot
from benchmarks.search.peers import installed_peers
from benchmarks.search.peers.pgvector_table import PgvectorScan, PgvectorSubvector
from benchmarks.search.photographs import IMAGES, real
from benchmarks.search.summary import summarize, summarize_growth, summarize_keys
from lookalike.indexes import Recipe

_PARTS = ("photographs", "synthetic", "growth", "keys")
_RECIPES: tuple[Recipe, ...] = ("pca", "bits")


def main() -> None:
    given = _arguments()
    print(machine(), flush=True)
    chosen = given.recipes, given.peers
    figures: dict[str, float | str] = {}
    photographs = real(given.images) if "photographs" in given.only else None
    if photographs:
        compared = summarize(*_compare(photographs, *chosen))
        figures |= {f"real_{name}": value for name, value in compared.items()}
    if "synthetic" in given.only:
        figures |= summarize(*_compare(synthetic(given.rows), *chosen))
    growths: list[Growth] = []
    if "growth" in given.only:
        growths += _grow(given.recipes, given.rows)
        figures |= summarize_growth(growths[0])
    if "keys" in given.only:
        keys = measure_keys((given.rows // 10, given.rows, 5 * given.rows))
        growths += keys
        figures |= summarize_keys(*keys)
    if growths:
        plot(growths, given.plot)
    print(json.dumps(figures))


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


def _grow(recipes: list[Recipe], n_rows: int) -> list[Growth]:
    sizes = (n_rows // 10, n_rows // 4, n_rows // 2, n_rows)
    return [measure_growth(recipe, sizes, synthetic) for recipe in recipes]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000, help="of the synthetic set")
    parser.add_argument("--images", type=Path, default=IMAGES, help="photographs to encode")
    parser.add_argument("--plot", type=Path, default=CACHE / "growth.png")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS)
    parser.add_argument("--recipes", nargs="+", choices=_RECIPES, default=list(_RECIPES))
    parser.add_argument("--peers", nargs="*", help="their classes' names; by default all")
    return parser.parse_args()


if __name__ == "__main__":
    main()
