"""A runtime that follows a script: which sizes fit, and what it costs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from lookalike.errors import EncoderExhausted
from lookalike.features import Features, FeatureSpace
from lookalike_worker.encoder import Batch
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.module import Module

SIZE = 16


class ScriptedRuntime:
    """Mean colours as features; batches above `most` run out of memory."""

    name = "scripted-fp32"
    description = "a script"

    def __init__(self, *, most: int = 64, has_fixed_shapes: bool = True, tilt: float = 0.0) -> None:
        self.most = most
        self.has_fixed_shapes = has_fixed_shapes
        self.prepared: set[int] = set()
        self.runs: list[int] = []
        self._tilt = np.array([1.0, 1.0 + tilt, 1.0 - tilt], np.float32)

    def prepare(self, batch_size: int) -> None:
        self._check(batch_size)
        self.prepared.add(batch_size)

    def release(self, batch_size: int) -> None:
        self.prepared.discard(batch_size)

    def run(self, batch: Batch) -> Features:
        assert not self.has_fixed_shapes or len(batch) in self.prepared
        self._check(len(batch))
        self.runs.append(len(batch))
        return mean_colours(batch) * self._tilt

    def _check(self, n: int) -> None:
        if n > self.most:
            raise EncoderExhausted(f"{n} images do not fit", value=n)


def mean_colours(batch: Batch) -> Features:
    means: Features = batch.mean(axis=(1, 2)).astype(np.float32)
    return means


def scripted_module() -> Module:
    digest = hashlib.sha256(b"scripted").hexdigest()
    space = FeatureSpace("scripted", digest, 3, trained=False)
    return Module(Path("nowhere"), space, SIZE, mean_colours(golden_images(SIZE)))


def pictures(n: int) -> Batch:
    return np.random.default_rng(3).random((n, SIZE, SIZE, 3), np.float32)
