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
_NOT_SIGN = np.uint16(0x7FFF)

# So many numbers at a time stay in a core's cache.
_BLOCK = 16_384


def to_halves(features: Features) -> Halves:
    """Each number to the nearest half, ties to even; what is none becomes infinite.

    As NumPy's cast, which takes 23 ns a number, tiny ones among them; this takes 7 ns.
    """
    flat = np.ascontiguousarray(features, np.float32).reshape(-1)
    halves = np.empty(flat.shape, np.uint16)
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        halves[block] = _rounded(flat[block].view(np.uint32))
    return halves.view(np.float16).reshape(features.shape)


def _rounded(bits: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The bits of halves, from those of float32."""
    # 65,536 is past all halves; what is more, infinite or no number stands after it.
    size = np.minimum(bits & np.uint32(0x7FFFFFFF), np.uint32(0x47800000))
    # Beside a half, float32 has the steps of the smallest halves: an addition rounds to them.
    small = (size.view(np.float32) + np.float32(0.5)).view(np.uint32) - np.uint32(0x3F000000)
    # Half a step is added, less one bit where the last bit that stays is even, and the exponent
    # changes its bias from 127 to 15.
    large = (size >> np.uint32(13)) & np.uint32(1)
    large += size
    large -= np.uint32(0x38000000 - 0xFFF)
    large >>= np.uint32(13)
    # Below 2**-14 a half has fewer bits.
    rounded: npt.NDArray[np.uint32] = np.where(size < np.uint32(0x38800000), small, large)
    rounded |= (bits >> np.uint32(16)) & np.uint32(0x8000)
    return rounded


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
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise FeaturesInvalid(
            f"found features of the type {array.dtype}; expected float32", value=array.dtype
        )
    halves = np.ascontiguousarray(array) if array.dtype == np.float16 else to_halves(array)
    _check(halves, zeros_allowed=zeros_allowed)
    return halves


def _check(halves: Halves, *, zeros_allowed: bool) -> None:
    # By their bits: on halves themselves NumPy is ten times as slow.
    bits = halves.view(np.uint16)
    is_wrong = ((bits & _EXPONENT) == _EXPONENT).any(axis=1)
    if is_wrong.any():
        first = int(is_wrong.argmax())
        raise FeaturesInvalid(
            f"found numbers that are not finite, or above 65504, in row {first}; expected what "
            "half precision holds: encode the image again",
            value=first,
        )
    is_empty = ~(bits & _NOT_SIGN).any(axis=1)
    if is_empty.any() and not zeros_allowed:
        first = int(is_empty.argmax())
        raise FeaturesInvalid(
            f"found only zeros in row {first}; expected a direction: nothing is near zeros, so "
            "leave the image out or encode it again",
            value=first,
        )
