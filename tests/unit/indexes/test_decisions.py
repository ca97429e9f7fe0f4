"""What an index needs, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lookalike.indexes.decisions import (
    Case,
    Plan,
    Policy,
    first_step,
    is_outlived,
    refit_of,
    target_of,
    wider_than,
)
from lookalike.indexes.records import SearchIndex

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
POLICY = Policy(index_rows=5000, recall_s=3600)
INDEX = SearchIndex(
    id=1,
    collection_id=1,
    collection="photos",
    space_id=1,
    space="fake@abab",
    n_features=4032,
    recipe="pca",
    dimensions=96,
    partitions=1,
    state="serving",
    filled_to=9,
    n_fitted=10_000,
    captured=0.8,
    ef_search=100,
    n_shortlist=50,
    recall_target=None,
    recall=0.995,
    recall_k=10,
    n_sampled=100,
    measured_at=NOW - timedelta(minutes=10),
    created_at=NOW,
    serving_at=NOW,
)


def test_many_images_get_an_index_and_few_do_not() -> None:
    assert first_step(Case(5000, None, is_unfinished=False), POLICY, NOW) == "build"
    assert first_step(Case(4999, None, is_unfinished=False), POLICY, NOW) == "rest"


def test_what_was_broken_off_is_gone_on_with_also_beside_one_that_serves() -> None:
    assert first_step(Case(200, None, is_unfinished=True), POLICY, NOW) == "build"
    assert first_step(Case(9000, INDEX, is_unfinished=True), POLICY, NOW) == "build"


def test_where_nothing_may_be_built_an_index_is_still_measured() -> None:
    by_hand = Policy(index_rows=0, recall_s=60)
    assert first_step(Case(10**6, None, is_unfinished=True), by_hand, NOW) == "rest"
    assert first_step(Case(10**6, INDEX, is_unfinished=True), by_hand, NOW) == "measure"


@pytest.mark.parametrize(("ago_s", "step"), [(3599, "rest"), (3600, "measure"), (None, "measure")])
def test_an_old_recall_is_measured_again(ago_s: float | None, step: str) -> None:
    at = None if ago_s is None else NOW - timedelta(seconds=ago_s)
    case = Case(9000, replace(INDEX, measured_at=at), is_unfinished=False)
    assert first_step(case, POLICY, NOW) == step


def test_a_target_of_its_own_comes_first() -> None:
    assert target_of(INDEX, POLICY) == 0.99
    assert target_of(replace(INDEX, recall_target=0.9), POLICY) == 0.9


@pytest.mark.parametrize(
    ("n_fitted", "n_rows", "captured_ratio", "is_over"),
    [
        (10_000, 10**6, 0.97, False),
        (10_000, 10**6, 0.89, True),
        (1000, 3999, 0.95, False),
        (1000, 4000, 0.95, True),
        # A sample of a large collection stands for all of it, however large it is.
        (8848, 40_000, 0.95, False),
    ],
)
def test_an_index_is_outlived_by_drift_or_by_growth(
    n_fitted: int, n_rows: int, captured_ratio: float, *, is_over: bool
) -> None:
    index = replace(INDEX, n_fitted=n_fitted)
    assert is_outlived(index, n_rows=n_rows, captured_ratio=captured_ratio) == is_over


def test_a_refit_keeps_the_recipe_until_there_are_enough_images_for_axes() -> None:
    bits = replace(INDEX, recipe="bits", dimensions=2016)
    assert refit_of(bits, n_rows=1999) == Plan("bits")
    assert refit_of(bits, n_rows=2000) == Plan("pca")
    assert refit_of(replace(INDEX, dimensions=192), n_rows=9000) == Plan("pca", 192)
    assert refit_of(replace(INDEX, dimensions=63), n_rows=9000) == Plan("pca", 96)


def test_a_key_grows_where_no_effort_is_enough_but_not_for_ever() -> None:
    assert wider_than(INDEX, n_rows=9000) == Plan("pca", 192)
    assert wider_than(replace(INDEX, dimensions=384), n_rows=9000) is None
    assert wider_than(INDEX, n_rows=150) is None
    bits = replace(INDEX, recipe="bits", dimensions=2016)
    assert wider_than(bits, n_rows=9000) == Plan("pca", 192)
    assert wider_than(bits, n_rows=1000) is None
