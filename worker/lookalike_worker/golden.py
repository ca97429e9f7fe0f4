"""Golden images: what every runtime must agree on before a worker may write.

They are computed, not stored: the same bytes on every machine, from integers only.
"""

from __future__ import annotations

import numpy as np

from lookalike_worker.encoder import Batch

N_GOLDEN = 8

# Cosine of a runtime's features with TensorFlow's in float32, the least of all golden images.
LEAST_COSINE = 0.999

_CELLS = (2, 5, 11, 23, 47, 97)


def golden_images(size: int) -> Batch:
    """Eight pictures, RGB in [0, 1], float32, shape (8, size, size, 3).

    Coarse to fine blocks of seeded colours added up, as large shapes and
    fine texture are in photographs; each picture weighs the scales differently.
    """
    generator = np.random.Generator(np.random.PCG64(20170721))
    axis = np.arange(size)
    total = np.zeros((N_GOLDEN, size, size, 3), np.int64)
    for step, n_cells in enumerate(_CELLS):
        cells = generator.integers(0, 256, (N_GOLDEN, n_cells, n_cells, 3))
        index = axis * n_cells // size
        weights = 1 + (np.arange(N_GOLDEN) + step * 3) % len(_CELLS)
        total += cells[:, index][:, :, index] * weights[:, None, None, None]
    least = total.min(axis=(1, 2, 3), keepdims=True)
    span = np.maximum(total.max(axis=(1, 2, 3), keepdims=True) - least, 1)
    grey_levels = (total - least) * 255 // span
    images: Batch = grey_levels.astype(np.float32) / np.float32(255)
    return images
