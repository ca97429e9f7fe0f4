"""What identifies a feature space: the weights' values, the preprocessing and the dimensions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


def digest_weights(
    weights: Iterable[npt.NDArray[np.generic]], *, preprocessing: str, dimensions: int
) -> str:
    """Give the SHA-256, in hexadecimal, that a FeatureSpace carries.

    It hashes values, not files: neither names nor order nor the machine's
    byte order count, so an export of the same weights has the same digest.
    """
    whole = hashlib.sha256(f"{preprocessing} -> {dimensions}".encode())
    for digest in sorted(_digest(array) for array in weights):
        whole.update(digest)
    return whole.hexdigest()


def _digest(array: npt.NDArray[np.generic]) -> bytes:
    array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    one = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    one.update(array.tobytes())
    return one.digest()
