"""Batches smaller than what a runtime compiled."""

from __future__ import annotations

import numpy as np

from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.runtimes.runtime import Runtime


def run_padded(runtime: Runtime, images: Batch, size: int) -> Features:
    """Features of up to `size` images, filled up with blank ones where the shape is fixed."""
    n_missing = size - len(images)
    if not n_missing or not runtime.has_fixed_shapes:
        return runtime.run(np.ascontiguousarray(images))
    blank = np.zeros((n_missing, *images.shape[1:]), np.float32)
    return runtime.run(np.concatenate([images, blank]))[: len(images)]
