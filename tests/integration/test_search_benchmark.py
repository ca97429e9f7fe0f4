"""The search benchmark asks the product as users do, so it has to keep up with it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.search.dataset import Dataset
from benchmarks.search.filtered import measure_filtered
from benchmarks.search.growth import measure_keys
from benchmarks.search.measuring import ask_all, recall
from benchmarks.search.ours import Ours
from benchmarks.search.peers.pgvector_table import PgvectorScan
from benchmarks.search.synthetic import DIMENSIONS, fresh_rows, write_rows
from lookalike.indexes import Recipe


@pytest.fixture(scope="module")
def data() -> Dataset:
    rows = np.zeros((1000, DIMENSIONS), np.float16)
    write_rows(rows)
    return Dataset.create("small", rows, fresh_rows(20, of=1000))


def test_the_exact_scan_finds_everything(data: Dataset) -> None:
    scan = PgvectorScan()
    try:
        scan.build(data.rows)
        with scan.client(()) as search:
            assert recall(ask_all(search, data.queries)[0], data.nearest) == 1
    finally:
        scan.close()


@pytest.mark.parametrize("recipe", ["pca", "bits"])
def test_a_recipe_finds_enough_also_with_filters(data: Dataset, recipe: Recipe) -> None:
    ours = Ours(recipe)
    try:
        ours.build(data.rows)
        with ours.client((200, 200)) as search:
            assert recall(ask_all(search, data.queries)[0], data.nearest) > 0.98
        assert sum(one.n_missing for one in measure_filtered(ours, (200, 200), data)) == 0
    finally:
        ours.close()


def test_keys_without_features_give_the_nearest_a_place_on_the_shortlist() -> None:
    for growth in measure_keys((1000, 2000)):
        assert [point.n_rows for point in growth.points] == [1000, 2000]
        assert min(point.recall for point in growth.points) > 0.995
