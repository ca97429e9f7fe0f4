from __future__ import annotations

import pytest

from lookalike_worker.runtimes.batch_plan import plan_runs

# A run of eight costs as much as five of one.
SECONDS = {1: 1.0, 8: 5.0}


@pytest.mark.parametrize(
    ("n", "runs"),
    [(1, [1]), (3, [1, 1, 1]), (6, [8]), (8, [8]), (9, [8, 1]), (15, [8, 8])],
)
def test_the_cheapest_runs_are_taken(n: int, runs: list[int]) -> None:
    assert plan_runs(n, SECONDS) == runs


def test_one_size_is_enough() -> None:
    assert plan_runs(5, {2: 1.0}) == [2, 2, 2]
