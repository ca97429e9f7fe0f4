"""Stored features, as everyone gets them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lookalike.features import Features

Rows = npt.NDArray[np.float16]
"""Features of shape (n, dimensions), rounded as the database rounds them, for everyone."""

_PORTION = 2000


def unit(rows: Rows | Features) -> Features:
    """The rows divided by their lengths, float32: an inner product is then 1 - cosine distance."""
    numbers = np.asarray(rows, dtype=np.float32)
    divided: Features = numbers / np.linalg.norm(numbers, axis=-1, keepdims=True)
    return divided


def portions(rows: Rows) -> Iterator[tuple[int, Features]]:
    """All rows as unit rows, some at a time, each with the number of its first."""
    for start in range(0, len(rows), _PORTION):
        yield start, unit(rows[start : start + _PORTION])
