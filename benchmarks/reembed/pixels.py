"""Two encoders of other dimensions whose features follow from an image's reference alone."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paced import BATCH_SIZE, CALL_S, IMAGE_S, INPUT_SIZE
from lookalike.features import Features, FeatureSpace
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.pipeline import Parts

DIMENSIONS = {"blue": 256, "green": 384}


class Projecting:
    """A seeded projection of the pixels; it takes the paced encoder's time."""

    runtime = "projecting"
    reference = None
    directory: Path | None = None
    input_size = INPUT_SIZE
    batch_size = BATCH_SIZE

    def __init__(self, name: str) -> None:
        dimensions = DIMENSIONS[name]
        seed = hashlib.sha256(name.encode())
        self.space = FeatureSpace(name, seed.hexdigest(), dimensions, trained=False)
        self.description = f"a seeded projection to {dimensions} numbers"
        chance = np.random.default_rng(list(seed.digest()))
        self._projection = chance.standard_normal((INPUT_SIZE**2 * 3, dimensions), np.float32)

    def encode(self, batch: npt.NDArray[Any]) -> Features:
        """Features of shape (n, dimensions), in the order of the batch."""
        time.sleep(CALL_S + len(batch) * IMAGE_S)
        return self.project(batch)

    def project(self, batch: npt.NDArray[Any]) -> Features:
        """The same, at once."""
        centred = np.asarray(batch.reshape(len(batch), -1) - 0.5, np.float32)
        return np.asarray(centred @ self._projection, np.float32)

    def warm_up(self) -> None:
        """There is nothing to prepare."""


def pixels_of(data: bytes) -> npt.NDArray[np.uint8]:
    """Noise of shape (32, 32, 3) that some bytes stand for."""
    chance = np.random.default_rng(list(hashlib.sha256(data).digest()))
    return chance.integers(0, 256, (INPUT_SIZE, INPUT_SIZE, 3), np.uint8)


def without_pictures(parts: Parts) -> Parts:
    """A pipeline that takes the reference for the picture."""
    return dataclasses.replace(
        parts,
        fetch=lambda reference: reference.text.encode(),
        decode=lambda data, _: Decoded(pixels_of(data)),
    )
