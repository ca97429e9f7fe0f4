"""The real Encoder: an image feature vector module of TensorFlow Hub, run by TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike.features import Features, FeatureSpace
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.sources import Module
from lookalike_worker.modules.weights_digest import digest_weights
from lookalike_worker.quiet_tensorflow import hub, tf

# Modules that take any size do not say which one they were trained at.
_DEFAULT_SIZE = 224
_KNOWN_SIZES = {"nasnet_large": 331, "pnasnet_large": 331, "inception_v3": 299}

# No other published module gives 4,032 features: a folder's name does not change what it is.
_NASNET_LARGE_DIMENSIONS = 4032


class HubEncoder:
    """Runs a module that was loaded once; `encode` may be called from one thread at a time.

    One graph with an open batch dimension serves every batch size: graphs of
    fixed sizes were no faster (3.06 against 3.16 images/s of NASNet-A Large).
    """

    def __init__(self, module: Module) -> None:
        """Load the module; raises WeightsMissing if it is damaged or no feature vector module."""
        self._module = _load(module)
        self.input_size = _input_size(self._module, module.name)
        shape = (None, self.input_size, self.input_size, 3)
        self._call = tf.function(
            lambda images: tf.cast(self._module(images), tf.float32),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
            # It writes Python files into the temporary folder, and a killed worker leaves them.
            autograph=False,
        )
        self.space = self._identify(module)
        self.note = module.note
        self.description = (
            f"{self.space.encoder}, {'trained' if module.trained else 'untrained'} weights, "
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

    def _identify(self, module: Module) -> FeatureSpace:
        try:
            shape = self._call(self._blank(1)).shape
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise _unusable(module, error) from error
        if len(shape) != 2:
            raise _unusable(module, f"it gives an array of shape {tuple(shape)} for one image")
        digest = digest_weights(
            (variable.numpy() for variable in self._module.variables),
            preprocessing=f"resize {self.input_size}",
            dimensions=shape[1],
        )
        name = "nasnet_large" if shape[1] == _NASNET_LARGE_DIMENSIONS else module.name
        return FeatureSpace(name, digest, int(shape[1]), module.trained)


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


def _input_size(loaded: Any, name: str) -> int:
    sides = (side for spec in _image_specs(loaded) for side in spec.shape[1:3] if side)
    return int(next(sides, _KNOWN_SIZES.get(name, _DEFAULT_SIZE)))


def _image_specs(loaded: Any) -> Iterator[Any]:
    functions = [*loaded.signatures.values(), *getattr(loaded.__call__, "concrete_functions", ())]
    for function in functions:
        for spec in tf.nest.flatten(function.structured_input_signature):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4:
                yield spec


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return str(details.get("device_name", "GPU")) if gpus else "CPU"
