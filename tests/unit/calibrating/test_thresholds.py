from __future__ import annotations

import math

import numpy as np
import pytest

from lookalike.calibrating.thresholds import choose_thresholds
from lookalike.errors import SampleTooSmall


def test_between_edits_and_others_is_the_limit() -> None:
    found = choose_thresholds(list(np.linspace(0, 0.1, 101)), list(np.linspace(0.2, 0.6, 101)))
    assert found.near_duplicate_distance == pytest.approx(math.sqrt(0.095 * 0.22))
    assert found.similar_distance == pytest.approx(0.4)
    assert found.is_separate
    assert found.share_lost == 0


def test_where_others_are_as_near_as_edits_these_decide_and_it_is_told() -> None:
    found = choose_thresholds(list(np.linspace(0, 0.1, 101)), list(np.linspace(0, 0.4, 101)))
    assert found.near_duplicate_distance == pytest.approx(0.02)
    assert not found.is_separate
    assert found.share_lost == pytest.approx(0.8, abs=0.01)


def test_similar_is_never_nearer_than_near_duplicate() -> None:
    found = choose_thresholds([0.5] * 10, [0.1] * 10)
    assert found.near_duplicate_distance == found.similar_distance == pytest.approx(0.1)


def test_distances_that_rounding_made_negative_are_zero() -> None:
    assert choose_thresholds([-1e-9] * 10, [0.1] * 10).near_duplicate_distance == 0


def test_a_small_sample_is_refused() -> None:
    with pytest.raises(SampleTooSmall, match="add images first"):
        choose_thresholds([0.1] * 50, [0.2] * 9)
