"""A module is loaded once with TensorFlow, in float32 on the CPU, and seen doing its work.

What is found out here is recorded; later starts need no TensorFlow for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.findings import NASNET_LARGE_DIMENSIONS, Findings
from lookalike_worker.modules.record import read_label
from lookalike_worker.modules.weights_digest import digest_weights
from lookalike_worker.quiet_tensorflow import hub, tf

# Modules that take any size do not say which one they were trained at.
_DEFAULT_SIZE = 224
_KNOWN_SIZES = {"nasnet_large": 331, "pnasnet_large": 331, "inception_v3": 299}

_FAILURES = (OSError, ValueError, KeyError, TypeError, AttributeError, tf.errors.OpError)


def examine(directory: Path, name: str) -> Findings:
    """Load a SavedModel and run it on the golden images.

    NASNet-A Large takes 26 s of processor time and 2 GiB of memory. `name`
    tells the input size of a known encoder that takes any. Raises
    WeightsMissing where it is no image feature vector module, or is damaged.
    """
    with tf.device("/CPU:0"):
        try:
            module = _Loaded(directory, hub.load(str(directory)))
            return module.findings(name)
        except _FAILURES as error:
            raise unusable(directory, error) from error


def unusable(directory: Path, cause: object) -> WeightsMissing:
    """The error for a folder that holds no module that can be used."""
    return WeightsMissing(
        f"the module in {directory} cannot be used ({cause}); expected a TF2 SavedModel that maps "
        "images in [0, 1], float32, (n, size, size, 3), to one feature vector each: give another "
        "folder or handle, or get this one anew if it is damaged",
        value=str(directory),
    )


@dataclass(frozen=True, slots=True)
class _Loaded:
    directory: Path
    root: Any

    def findings(self, name: str) -> Findings:
        if not callable(self.root) or not getattr(self.root, "variables", None):
            raise unusable(self.directory, "it cannot be called, or has no variables")
        size = self._input_size(name)
        images = golden_images(size)
        golden = self._features(images)
        dimensions = golden.shape[1]
        # Keras's NASNet and slim's pool differently at the edges: the same weights give
        # features with a cosine of 0.996 in the other graph, so its name counts where it is known.
        architecture = read_label(self.directory).architecture
        digest = digest_weights(
            (variable.numpy() for variable in self.root.variables),
            preprocessing=f"resize {size} {architecture}".rstrip(),
            dimensions=dimensions,
        )
        return Findings(digest, dimensions, size, golden, self._is_served(images, golden))

    def _input_size(self, name: str) -> int:
        specs = list(_image_specs(self.root))
        for spec in specs:
            if spec.dtype != tf.float32 or spec.shape[3] not in (None, 3):
                raise unusable(self.directory, f"it takes {spec.dtype.name} of {spec.shape}")
        sides = [side for spec in specs for side in spec.shape[1:3] if side]
        if sides:
            return int(sides[0])
        if name not in _KNOWN_SIZES and self._dimensions_at(_DEFAULT_SIZE) == (
            NASNET_LARGE_DIMENSIONS
        ):
            name = "nasnet_large"
        return _KNOWN_SIZES.get(name, _DEFAULT_SIZE)

    def _dimensions_at(self, size: int) -> int:
        return int(self._features(np.zeros((1, size, size, 3), np.float32)).shape[1])

    def _features(self, images: Batch) -> Features:
        # One by one, for the memory that the activations of eight would take.
        answers = [self.root(tf.constant(image[None])) for image in images]
        for answer in answers:
            if not isinstance(answer, tf.Tensor) or answer.shape.rank != 2:
                shape = tuple(getattr(answer, "shape", ()))
                raise unusable(self.directory, f"it gives an array of shape {shape} for one image")
        features = np.concatenate([tf.cast(answer, tf.float32).numpy() for answer in answers])
        if features.shape[0] != len(images) or not np.isfinite(features).all():
            raise unusable(self.directory, "its features of the golden images are not finite")
        return features

    def _is_served(self, images: Batch, golden: Features) -> bool:
        function = self.root.signatures.get("serving_default")
        if function is None:
            return False
        inputs = tf.nest.flatten(function.structured_input_signature)
        outputs = tf.nest.flatten(function.structured_outputs)
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].dtype != tf.float32:
            return False
        if inputs[0].shape.as_list() != [None, *images.shape[1:]]:
            return False
        (name,) = function.structured_input_signature[1]
        (answer,) = function(**{name: tf.constant(images[:2])}).values()
        return answer.shape == golden[:2].shape and bool(
            np.allclose(answer.numpy(), golden[:2], rtol=1e-3, atol=1e-3 * np.abs(golden).max())
        )


def _image_specs(loaded: Any) -> Iterator[Any]:
    functions = [*loaded.signatures.values(), *getattr(loaded.__call__, "concrete_functions", ())]
    for function in functions:
        for spec in tf.nest.flatten(function.structured_input_signature):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4:
                yield spec
