"""The real Encoder: an image feature vector module of TensorFlow Hub, run by TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.module import Module
from lookalike_worker.quiet_tensorflow import hub, tf


class HubEncoder:
    """Runs a module that was loaded once; `encode` may be called from one thread at a time.

    One graph with an open batch dimension serves every batch size: graphs of
    fixed sizes were no faster (3.06 against 3.16 images/s of NASNet-A Large).
    """

    def __init__(self, module: Module) -> None:
        """Load the module; raises WeightsMissing if it is damaged or no feature vector module."""
        self._module = _load(module)
        self.input_size = module.input_size
        self.space = module.space
        shape = (None, self.input_size, self.input_size, 3)
        self._call = tf.function(
            lambda images: tf.cast(self._module(images), tf.float32),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
            # It writes Python files into the temporary folder, and a killed worker leaves them.
            autograph=False,
        )
        self.note = module.note
        self.description = (
            f"{self.space.encoder}, {'trained' if self.space.trained else 'untrained'} weights, "
            f"{self.input_size}x{self.input_size} pixels to {self.space.dimensions} features, "
            f"TensorFlow {tf.__version__} on {_device()}"
        )

    def encode(self, batch: Batch) -> Features:
        """Features of shape (n, dimensions), float32, in the order of the batch.

        Raises EncoderExhausted where TensorFlow runs out of memory.
        """
        try:
            features: Features = self._call(tf.constant(batch, tf.float32)).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise EncoderExhausted(
                f"{self.space.name} ran out of memory with a batch of {len(batch)} images; "
                "expected it to fit: set LOOKALIKE_BATCH_SIZE to a smaller number",
                value=len(batch),
            ) from error
        return features

    def warm_up(self, batch_size: int) -> None:
        """Run the largest and the smallest batch once: TensorFlow prepares at the first of each."""
        for n in sorted({batch_size, 1}, reverse=True):
            self.encode(self._blank(n))

    def _blank(self, n: int) -> Batch:
        return np.zeros((n, self.input_size, self.input_size, 3), np.float32)


def _load(module: Module) -> Any:
    try:
        loaded = hub.load(str(module.directory))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise _unusable(module, error) from error
    if not callable(loaded) or not getattr(loaded, "variables", None):
        raise _unusable(module, "it cannot be called, or has no variables")
    return loaded


def _unusable(module: Module, cause: object) -> WeightsMissing:
    return WeightsMissing(
        f"the module in {module.directory} cannot be used ({cause}); expected a TF2 SavedModel "
        "that maps images in [0, 1] to one feature vector each: set LOOKALIKE_ENCODER to such "
        "a folder or handle, and remove this one if it is damaged",
        value=str(module.directory),
    )


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return str(details.get("device_name", "GPU")) if gpus else "CPU"
