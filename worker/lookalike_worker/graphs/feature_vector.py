"""Saving a Keras graph as an image feature vector module.

The common signature of TensorFlow Hub (tensorflow.org/hub/common_saved_model_apis/images):
`module(images)` with RGB in [0, 1], float32, (n, size, size, 3), gives features,
float32, (n, dimensions). `training=True` normalises by the batch and moves the
moving statistics, by `batch_norm_momentum` where one is given; `variables`,
`trainable_variables` and `regularization_losses` are what `hub.KerasLayer` looks for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.label import Label, write_label
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import tf

# What modules that take any size are usually trained at.
_DEFAULT_SIZE = 224

_EXTRA = "assets.extra"


def save_feature_vector(
    model: Any, directory: Path, *, trained_as: Any = None, label: Label | None = None
) -> None:
    """Write a Keras model of images to features as a SavedModel that `hub.load` can call.

    `trained_as` is a model over the same layers that counts when
    `training=True`, where training takes more than the layers do by
    themselves. The label is written beside the graph.
    """
    module = _FeatureVector(model, trained_as or model)
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serving})
    if label:
        write_label(label, directory)


class _FeatureVector(tf.train.Checkpoint):  # type: ignore[misc]
    """The root of the SavedModel; TensorFlow saves what hangs on it.

    Only raw variables hang on it, not Keras's wrappers, else each is saved
    twice. `variables` keep the order of `model.variables`: runtimes that
    build the Keras graph again rely on it.
    """

    def __init__(self, model: Any, trained_as: Any) -> None:
        super().__init__()
        self.variables = [variable.value for variable in model.variables]
        self.trainable_variables = [variable.value for variable in model.trainable_variables]
        # Weight decay is the business of the optimizer that trains the module further.
        self.regularization_losses: list[Any] = []
        size = model.input_shape[1]
        images = tf.TensorSpec((None, size, size, 3), tf.float32, name="inputs")
        call = _callable(model, trained_as)
        self.serving = call.get_concrete_function(images)
        call.get_concrete_function(images, training=True)
        # A number in place of this is converted when a loaded module is called with one.
        momentum = tf.TensorSpec((), tf.float32, name="batch_norm_momentum")
        for training in (False, True):
            call.get_concrete_function(images, training=training, batch_norm_momentum=momentum)
        self.__call__ = call


def _callable(model: Any, trained_as: Any) -> Any:
    """The function `module(inputs, training=False, batch_norm_momentum=None)`.

    The two graphs are traced once each and called by every trace of it: with
    NASNet-A Large a graph is 7 MB of the SavedModel and 15 s of tracing.
    """
    default = _trained_momentum(trained_as)

    def train_with(inputs: Any, momentum: Any) -> Any:
        with _momentum(trained_as, momentum):
            return trained_as(inputs, training=True)

    train = tf.function(train_with, autograph=False)
    serve = tf.function(lambda inputs: model(inputs, training=False), autograph=False)

    def call(inputs: Any, training: bool = False, batch_norm_momentum: Any = None) -> Any:
        if not training:
            return serve(inputs)
        momentum = default if batch_norm_momentum is None else batch_norm_momentum
        return train(inputs, tf.cast(momentum, tf.float32))

    return tf.function(call, autograph=False)


def _trained_momentum(model: Any) -> float:
    """The momentum of the model's own batch normalisation; the largest if there are several."""
    return max((norm.momentum for norm in _norms(model)), default=0.0)


@contextmanager
def _momentum(model: Any, momentum: Any) -> Iterator[None]:
    """Give all batch normalisation a momentum, a scalar tensor, while a graph is traced.

    Keras multiplies by the attribute, so that the tensor becomes part of the
    graph; as a variable it would be saved with the weights and change with them.
    """
    norms = list(_norms(model))
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = momentum
    try:
        yield
    finally:
        for norm, own in zip(norms, before, strict=True):
            norm.momentum = own


def _norms(model: Any) -> Iterator[Any]:
    """The batch normalisation of a model and of the models within it."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from _norms(layer)


# ------------------------------------------------- modules that are not ours


def rewrap(saved_model: Path, directory: Path, *, size: int | None = None) -> None:
    """Write a loaded module again with a `serving_default` of one input and one output.

    It stays what it was otherwise: its functions, its `variables`, each
    saved once, and `assets.extra`. Input (n, size, size, 3), float32; `size`
    counts where the module takes any, and is 224 if not given. Raises
    WeightsMissing where it cannot be loaded or gives no vectors.
    """
    try:
        loaded = tf.saved_model.load(str(saved_model))
        served = _served(loaded, size or _DEFAULT_SIZE).get_concrete_function()
        (features,) = served.outputs
        if features.shape.rank != 2:
            raise ValueError(f"it gives an array of shape {features.shape}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise WeightsMissing(
            f"the module in {saved_model} cannot be used ({error}); expected a TF2 SavedModel that "
            "can be called with images, (n, size, size, 3), and gives one vector each: give a "
            "feature vector module",
            value=str(saved_model),
        ) from error
    tf.saved_model.save(loaded, str(directory), signatures={"serving_default": served})
    if (saved_model / _EXTRA).is_dir():
        shutil.copytree(saved_model / _EXTRA, directory / _EXTRA, dirs_exist_ok=True)


def _served(loaded: Any, size: int) -> Any:
    """The module as a function of one input that gives float32 of shape (n, dimensions)."""
    sides = (side for spec in image_specs(loaded) for side in spec.shape[1:3] if side)
    side = int(next(sides, size))
    images = tf.TensorSpec((None, side, side, 3), tf.float32, name="inputs")

    def serve(inputs: Any) -> Any:
        (answer,) = tf.nest.flatten(loaded(inputs))
        if answer.shape.rank == 4 and answer.shape[1] == answer.shape[2] == 1:
            answer = answer[:, 0, 0]
        return tf.cast(answer, tf.float32)

    return tf.function(serve, autograph=False, input_signature=[images])


def image_specs(loaded: Any) -> Iterator[Any]:
    """The tensors of rank 4 that a loaded module's functions take."""
    call = getattr(loaded, "__call__", None)  # noqa: B004  its traces are wanted, not whether
    functions = [*loaded.signatures.values(), *getattr(call, "concrete_functions", ())]
    for function in functions:
        for spec in tf.nest.flatten(function.structured_input_signature):
            if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4:
                yield spec
