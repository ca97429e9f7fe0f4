"""Features of a module in training, as its export will give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lookalike.features import Features
from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.pixels import PixelArray
from lookalike_worker.finetune.split import Indices
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.quiet_tensorflow import tf


class Serving:
    """Gives features with the module's present weights; nothing in it changes them."""

    def __init__(self, module: TrainableModule, at_once: AtOnce) -> None:
        self._module = module
        self._at_once = at_once
        self._call = tf.function(self._features_of, autograph=False, reduce_retracing=True)

    def features(
        self, pixels: PixelArray, rows: Indices, advance: Callable[[int], None]
    ) -> Features:
        """Features of these rows of the pixels, float32, (rows, dimensions).

        Raises EncoderExhausted where not even one image fits into memory.
        """
        parts, start = [], 0
        while start < len(rows):
            part = pixels[rows[start : start + self._at_once.n_images]]
            try:
                parts.append(self._call(tf.constant(part)).numpy())
            except tf.errors.ResourceExhaustedError as error:
                self._at_once.halve(error)
                continue
            start += len(part)
            advance(len(part))
        return np.concatenate(parts)

    def _features_of(self, pixels: Any) -> Any:
        return self._module.features(tf.cast(pixels, tf.float32) / 255.0, training=False)
