"""Weights from a seed, the same on every backend and machine: for speed, not for pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Weights = list[npt.NDArray[np.float32]]

_SEED = 20170721


def seeded_weights(model: Any) -> Weights:
    """Values for `model.variables`: kernels as Glorot and Bengio (2010) draw them, norms neutral.

    The moving statistics of the norms still have to be those of pictures, or
    the features vanish over the cells.
    """
    generator = np.random.default_rng(_SEED)
    return [_value(variable.name, tuple(variable.shape), generator) for variable in model.variables]


def _value(
    name: str, shape: tuple[int, ...], generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    if len(shape) < 2:
        return np.full(shape, name in ("gamma", "moving_variance"), np.float32)
    height, width, n_in, n_out = shape
    n_fans = height * width * (n_in + n_out)
    limit = np.float32((6 / n_fans) ** 0.5)
    return generator.uniform(-limit, limit, shape).astype(np.float32)
