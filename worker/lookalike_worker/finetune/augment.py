"""Random crops and mirror images, as boxes: the same thing, seen a little otherwise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
"""Top, left, bottom, right of what is seen, in [0, 1], shape (n, 4); mirrored: right < left."""

# A crop keeps at least this share of the picture's height and of its width.
_LEAST_SIDE = 0.8


def whole(n: int) -> Boxes:
    """Boxes that change nothing."""
    return np.tile(np.array([0, 0, 1, 1], np.float32), (n, 1))


def random_boxes(n: int, generator: np.random.Generator) -> Boxes:
    """Boxes of random place and size; every second one, on average, is mirrored."""
    sides = generator.uniform(_LEAST_SIDE, 1.0, (n, 2))
    corners = generator.uniform(0.0, 1.0, (n, 2)) * (1 - sides)
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    mirrored = generator.random(n) < 0.5
    boxes[mirrored] = boxes[mirrored][:, [0, 3, 2, 1]]
    return boxes
