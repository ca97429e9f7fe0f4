"""Golden images: what every runtime must agree on before a worker may write.

They are computed, not stored, and the same on every machine and release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lookalike_worker.encoder import Batch, Pixels

N_GOLDEN = 8

# Cosine of a runtime's features with TensorFlow's in float32, the least of all golden images.
LEAST_COSINE = 0.999

_N_DISCS = 240
_BYTES_A_DISC = 10
# Radii, as shares of the picture's side.
_SMALLEST, _LARGEST = 0.03, 0.5


def golden_images(size: int) -> Batch:
    """Eight pictures, RGB in [0, 1], float32, shape (8, size, size, 3).

    "Dead leaves" (Lee, Mumford and Huang, 2001): discs of one colour each lie
    over one another, with radii r as often as r**-3, which gives pictures the
    edges, plain areas and spectrum of photographs. Noise will not do: on it
    bfloat16 looks better than on photographs for one encoder and worse for
    another. EfficientNet-Lite0, whose photographs suffer, is refused in bfloat16 on
    these, and NASNet-A Large (untrained) is not (`benchmarks.encoder.photographs`).
    """
    return np.stack([_leaves(size, index) for index in range(N_GOLDEN)]).astype(
        np.float32
    ) / np.float32(255)


def _leaves(size: int, index: int) -> Pixels:
    picture = np.full((size, size, 3), 128, np.uint8)
    for x, y, radius, colour in _discs(index):
        _draw(picture, x * size, y * size, radius * size, colour)
    return picture


def _discs(index: int) -> Iterator[tuple[float, float, float, npt.NDArray[np.uint8]]]:
    """Centre and radius, as shares of the side, and colour of each disc of a picture."""
    # Not NumPy's generators: their streams may change between releases.
    seed = f"lookalike golden image {index}".encode()
    bytes_ = np.frombuffer(hashlib.shake_256(seed).digest(_N_DISCS * _BYTES_A_DISC), np.uint8)
    for row in bytes_.reshape(_N_DISCS, _BYTES_A_DISC):
        x, y, u = (row[:6].view("<u2") / 65536).tolist()
        radius = (_SMALLEST**-2 + u * (_LARGEST**-2 - _SMALLEST**-2)) ** -0.5
        yield x, y, radius, row[6:9]


def _draw(
    picture: Pixels, x: float, y: float, radius: float, colour: npt.NDArray[np.uint8]
) -> None:
    left, top = max(0, int(x - radius)), max(0, int(y - radius))
    part = picture[top : int(y + radius) + 2, left : int(x + radius) + 2]
    rows = np.arange(part.shape[0])[:, None] + top - y
    columns = np.arange(part.shape[1])[None, :] + left - x
    part[rows**2 + columns**2 < radius**2] = colour
