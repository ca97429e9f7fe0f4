"""The Encoder protocol, and a deterministic fake for tests and queue benchmarks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.features import Features, FeatureSpace, Tag

Pixels = npt.NDArray[np.uint8]
"""One decoded, resized image: RGB, uint8, shape (size, size, 3)."""

Batch = npt.NDArray[np.float32]
"""Images for one call of the encoder: RGB in [0, 1], float32, shape (n, size, size, 3)."""

Tags = tuple[Tag, ...]
"""One image's labels, the likeliest first."""

Tagger = Callable[[Features], list[Tags]]
"""Gives each image its tags, by its features, shape (n, dimensions)."""


class Encoder(Protocol):
    """Maps a batch of images to their features; all else in the worker knows no more of it."""

    @property
    def space(self) -> FeatureSpace:
        """The feature space of every answer."""

    @property
    def input_size(self) -> int:
        """Height and width, in pixels, that the encoder wants."""

    @property
    def description(self) -> str:
        """One line for people: encoder, weights, runtime, device."""

    @property
    def runtime(self) -> str:
        """What computes, such as `openvino-bf16`: errors name it."""

    @property
    def reference(self) -> Features | None:
        """Features of the golden images that all answers are held against, (n, dimensions).

        None where there are none but those that `encode` gives.
        """

    @property
    def directory(self) -> Path | None:
        """The folder of the module, where there is one: its head lies there."""

    @property
    def batch_size(self) -> int:
        """How many images it is best given at once; it may shrink when memory runs out."""

    def encode(self, batch: Batch) -> Features:
        """Features of shape (n, dimensions), float32, in the order of the batch.

        Raises EncoderExhausted where memory runs out; any other exception
        means that this batch cannot be encoded.
        """

    def warm_up(self) -> None:
        """Prepare whatever the first job would else pay for, and check that the answers are right.

        Raises RuntimeDisagrees where they are not: then nothing may be written.
        """


class FakeEncoder:
    """Deterministic features of an image's brightness grid, after a fixed cost in time.

    For tests and for measuring everything but the encoder: a batch of n
    images takes `call_s + n * image_s` seconds.
    """

    runtime = "fake"
    reference = None
    directory: Path | None = None

    def __init__(
        self,
        *,
        dimensions: int = 4032,
        input_size: int = 32,
        batch_size: int = 8,
        call_s: float = 0.0,
        image_s: float = 0.0,
    ) -> None:
        digest = hashlib.sha256(f"fake {dimensions} {input_size}".encode()).hexdigest()
        self.space = FeatureSpace("fake", digest, dimensions, trained=False)
        self.input_size = input_size
        self.batch_size = batch_size
        self.description = f"fake encoder, {dimensions} features, for tests only"
        self._call_s = call_s
        self._image_s = image_s
        self._projection = np.random.default_rng(0).random((8 * 8 * 3, dimensions), np.float32)

    def encode(self, batch: Batch) -> Features:
        n, size = len(batch), self.input_size
        cells = batch.reshape(n, 8, size // 8, 8, size // 8, 3).mean(axis=(2, 4)).reshape(n, -1)
        time.sleep(self._call_s + n * self._image_s)
        features: Features = (cells @ self._projection).astype(np.float32)
        return features

    def warm_up(self) -> None:
        self.encode(np.zeros((self.batch_size, self.input_size, self.input_size, 3), np.float32))
