"""Features as Postgres keeps them: half precision, 11 significant bits, at most 65,504."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import FeaturesInvalid, WrongFeatureSpace
from lookalike.features import Features, FeatureSpace

Halves = npt.NDArray[np.float16]
"""Features of n images, shape (n, dimensions); float16."""

# Of a half, the bits of the exponent are all set where it is infinite or no number.
_EXPONENT = np.uint16(0x7C00)


def halved(
    features: Features | Halves, space: FeatureSpace, n: int, *, zeros_allowed: bool = False
) -> Halves:
    """Features of `n` images in half precision, each to the nearest; halves stay as they are.

    Raises WrongFeatureSpace where the shape is not (n, dimensions), and
    FeaturesInvalid for numbers that are not finite or above 65,504, and for
    an image whose numbers are all zero: nothing is near it.
    """
    array: npt.NDArray[Any] = np.asarray(features)
    if array.shape != (n, space.dimensions):
        raise WrongFeatureSpace(
            f"found features of shape {array.shape}; expected ({n}, {space.dimensions}): a row of "
            f"the feature space {space.name} for each image",
            value=array.shape,
        )
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            halves = np.ascontiguousarray(array, dtype=np.float16)
    except (TypeError, ValueError) as error:
        raise FeaturesInvalid(
            f"found features of the type {array.dtype}; expected numbers", value=array.dtype
        ) from error
    _check(halves, zeros_allowed=zeros_allowed)
    return halves


def _check(halves: Halves, *, zeros_allowed: bool) -> None:
    is_wrong = ((halves.view(np.uint16) & _EXPONENT) == _EXPONENT).any(axis=1)
    if is_wrong.any():
        first = int(is_wrong.argmax())
        raise FeaturesInvalid(
            f"found numbers that are not finite, or above 65504, in row {first}; expected what "
            "half precision holds: encode the image again",
            value=first,
        )
    is_empty = ~halves.any(axis=1)
    if is_empty.any() and not zeros_allowed:
        first = int(is_empty.argmax())
        raise FeaturesInvalid(
            f"found only zeros in row {first}; expected a direction: nothing is near zeros, so "
            "leave the image out or encode it again",
            value=first,
        )
