"""What half precision holds, and what is refused before it reaches Postgres."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import FeaturesInvalid, WrongFeatureSpace
from lookalike.features import FeatureSpace
from lookalike.store.halves import halved, to_halves

SPACE = FeatureSpace("test", "0" * 64, 3, trained=True)


def test_numbers_are_rounded_to_the_nearest_half() -> None:
    given = np.array([[1.0, 1.0004, 65_504.0]], np.float32)
    assert halved(given, SPACE, 1).tolist() == [[1.0, 1.0, 65_504.0]]


def test_rounding_is_that_of_numpy_beside_and_between_all_halves() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[1:] + halves[:-1]) / 2
    near = [np.nextafter(x, to, dtype=np.float32) for x in (halves, between) for to in (0, 1e5)]
    numbers = np.concatenate([halves, between, *near])
    signed = np.concatenate([numbers, -numbers])
    assert to_halves(signed).tobytes() == signed.astype(np.float16).tobytes()


def test_what_is_no_half_becomes_infinite() -> None:
    given = np.array([[65_519.9, 65_520, 1e30, np.inf, -1e9, np.nan]], np.float32)
    assert to_halves(given).tolist() == [[65_504, np.inf, np.inf, np.inf, -np.inf, np.inf]]


def test_halves_stay_as_they_are() -> None:
    given = np.array([[1.5, -0.0, 6e-8]], np.float16)
    assert halved(given, SPACE, 1).tobytes() == given.tobytes()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 65_520.0])
def test_what_half_precision_does_not_hold_is_refused(number: float) -> None:
    given = np.ones((4, 3), np.float32)
    given[2, 1] = number
    with pytest.raises(FeaturesInvalid, match="row 2") as raised:
        halved(given, SPACE, 4)
    assert raised.value.value == 2


def test_only_zeros_are_refused_also_where_they_become_so() -> None:
    given = np.array([[1, 1, 1], [1e-9, 0, -1e-9]], np.float32)
    with pytest.raises(FeaturesInvalid, match="only zeros in row 1"):
        halved(given, SPACE, 2)


def test_zeros_that_are_stored_already_may_be_let_through() -> None:
    assert not halved(np.zeros((1, 3), np.float32), SPACE, 1, zeros_allowed=True).any()


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (6,), (2, 3, 1)])
def test_another_shape_is_of_another_space(shape: tuple[int, ...]) -> None:
    with pytest.raises(WrongFeatureSpace, match=r"expected \(2, 3\)"):
        halved(np.ones(shape, np.float32), SPACE, 2)


def test_no_image_has_no_features() -> None:
    assert halved(np.ones((0, 3), np.float32), SPACE, 0).shape == (0, 3)
