"""Saving a Keras graph as an image feature vector module, and the label that goes with it.

The common signature of TensorFlow Hub: `module(images)` with RGB in [0, 1],
float32, (n, size, size, 3), gives features, float32, (n, dimensions).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookalike_worker.quiet_tensorflow import tf


class _FeatureVector(tf.train.Checkpoint):  # type: ignore[misc]
    """The root of the SavedModel; TensorFlow saves what hangs on it.

    Only raw variables hang on it, not Keras's wrappers, else each is saved twice.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.variables = [variable.value for variable in model.variables]
        self.trainable_variables = [variable.value for variable in model.trainable_variables]
        self.regularization_losses: list[Any] = []
        size = model.input_shape[1]
        images = tf.TensorSpec((None, size, size, 3), tf.float32, name="inputs")
        call = tf.function(
            lambda inputs, training=False: model(inputs, training=training), autograph=False
        )
        self.serving = call.get_concrete_function(images)
        call.get_concrete_function(images, training=True)
        self.__call__ = call


def save_feature_vector(model: Any, directory: Path) -> None:
    """Write a Keras model of images to features as a SavedModel that `hub.load` can call.

    `variables` and `trainable_variables` are real lists, so it can be trained further.
    """
    module = _FeatureVector(model)
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serving})
