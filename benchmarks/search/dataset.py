"""Rows, queries that are not among them, and the exact answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.search.rows import Rows, portions, unit
from benchmarks.search.synthetic import DIMENSIONS, fresh_rows, near_duplicates, write_rows
from lookalike.features import Features

CACHE = Path(__file__).parents[2] / ".cache" / "search"

N_QUERIES = 500

_N_NEAREST = 10


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows to search, queries, and for each query the numbers of its exact nearest rows."""

    name: str
    rows: Rows
    queries: list[Features]
    nearest: list[list[int]]

    @classmethod
    def create(cls, name: str, rows: Rows, queries: Features | Rows) -> Dataset:
        # Rounded as the rows are: that is no part of an approach's recall.
        rounded = queries.astype(np.float16).astype(np.float32)
        return cls(name, rows, list(rounded), exact_nearest(rows, rounded))


def synthetic(n_rows: int) -> Dataset:
    """`n_rows` NASNet-like rows; half of the queries are edited copies of rows, half are new."""
    path = CACHE / f"synthetic-{n_rows}.npy"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        made = np.lib.format.open_memmap(
            unfinished, mode="w+", dtype=np.float16, shape=(n_rows, DIMENSIONS)
        )
        write_rows(made)
        unfinished.rename(path)
    rows: Rows = np.load(path, mmap_mode="r")
    random = np.random.default_rng(1)
    copied = rows[np.sort(random.choice(n_rows, N_QUERIES // 2, replace=False))]
    copies = near_duplicates(copied.astype(np.float32), random)
    queries = np.concatenate([copies, fresh_rows(N_QUERIES - len(copies), of=n_rows)])
    return Dataset.create("synthetic NASNet-like", rows, random.permutation(queries))


def exact_nearest(
    rows: Rows,
    queries: Features,
    *,
    allowed: npt.NDArray[np.bool_] | None = None,
    left_out: npt.NDArray[np.int64] | None = None,
) -> list[list[int]]:
    """The numbers of the ten rows nearest to each query, nearest first; fewer if there are.

    Of the allowed rows only, and without the one row that each query leaves out.
    """
    wanted = unit(queries)
    best = np.full((len(queries), _N_NEAREST), -math.inf, np.float32)
    numbers = np.full(best.shape, -1)
    for start, portion in portions(rows):
        here = wanted @ portion.T
        of = np.arange(start, start + len(portion))
        if allowed is not None:
            here[:, ~allowed[of]] = -math.inf
        if left_out is not None:
            here[left_out[:, None] == of] = -math.inf
        both = np.concatenate([best, here], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, :_N_NEAREST]
        all_numbers = np.concatenate([numbers, np.broadcast_to(of, here.shape)], axis=1)
        numbers = np.take_along_axis(all_numbers, order, axis=1)
        best = np.take_along_axis(both, order, axis=1)
    return [
        found[np.isfinite(cosines)].tolist() for found, cosines in zip(numbers, best, strict=True)
    ]
