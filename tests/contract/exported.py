"""Small modules, exported here with TensorFlow: what other people's look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookalike_worker.graphs.feature_vector import save_feature_vector
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import tf


def export_small(
    folder: Path,
    *,
    size: int | None = 48,
    weights: tuple[float, ...] = (1.0, 2.0, 3.0),
    rank: int = 2,
    dtype: Any = tf.float32,
    served: bool = True,
) -> Path:
    """Mean colours times weights, for pictures of one size or (None) of any."""
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable(weights)]
    spec = tf.TensorSpec((None, size, size, 3), dtype, name="inputs")
    n_repeats = -(-len(weights) // 3)
    axes = (1, 2) if rank == 2 else (1,)

    def call(images: Any) -> Any:
        means = tf.reduce_mean(tf.cast(images, tf.float32), axes)
        return tf.repeat(means, n_repeats, -1)[..., : len(weights)] * root.variables[0]

    root.__call__ = tf.function(call, input_signature=[spec], autograph=False)
    signature = root.__call__.get_concrete_function()
    tf.saved_model.save(
        root, str(folder), signatures={"serving_default": signature} if served else {}
    )
    return folder


def export_classifier(folder: Path, n_classes: int = 1001) -> Path:
    """Mean colours, six features of them, and a dense layer with a logit for each class."""
    images = keras.Input((48, 48, 3))
    means = keras.layers.GlobalAveragePooling2D()(images)
    features = keras.layers.Dense(6, "relu", bias_initializer="ones")(means)
    logits = keras.layers.Dense(n_classes)(features)
    save_feature_vector(keras.Model(images, logits), folder)
    return folder
