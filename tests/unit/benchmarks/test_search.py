"""The parts of the search benchmark that its figures rest on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.search.approach import Effort, Search
from benchmarks.search.dataset import exact_nearest
from benchmarks.search.measuring import measure_least_effort, recall
from benchmarks.search.synthetic import fresh_rows, write_rows
from lookalike.features import Features


@contextmanager
def finding(effort: Effort) -> Iterator[Search[int]]:
    """A searcher that finds as many of the neighbours 0 to 9 as its effort says."""
    (n,) = effort
    yield lambda _, k: list(range(min(n, k)))


def directions(*degrees: float) -> Features:
    radians = np.radians(np.array(degrees, np.float32))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_exact_neighbours_come_in_the_order_of_their_angle() -> None:
    rows = directions(80, 10, 40, 5).astype(np.float16)
    assert exact_nearest(rows, directions(0)) == [[3, 1, 2, 0]]


def test_exact_neighbours_are_of_the_allowed_rows_and_without_the_one_that_asks() -> None:
    rows = directions(80, 10, 40, 5).astype(np.float16)
    allowed = np.array([True, True, False, True])
    found = exact_nearest(rows, directions(5), allowed=allowed, left_out=np.array([3]))
    assert found == [[1, 0]]


def test_recall_is_the_share_of_the_neighbours_that_exist() -> None:
    assert recall([[1, 2, 3], [7]], [[3, 2, 9], [7]]) == 3 / 4


def test_the_least_effort_that_finds_enough_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.search.measuring._RATE_S", 0)
    nearest = [list(range(10))] * 4
    efforts = [(5,), (10,), (20,)]
    assert measure_least_effort(finding, efforts, [0, 1, 2, 3], nearest).effort == (10,)
    found = measure_least_effort(finding, efforts[:1], [0, 1, 2, 3], nearest)
    assert (found.effort, found.recall) == ((5,), 0.5)


def test_synthetic_rows_are_the_same_for_the_same_seed_and_none_is_negative() -> None:
    first, second = (np.zeros((50, 4032), np.float32) for _ in range(2))
    write_rows(first)
    write_rows(second)
    assert np.array_equal(first, second)
    assert (first >= 0).all()
    assert not np.array_equal(first[0], fresh_rows(1, of=50)[0])
