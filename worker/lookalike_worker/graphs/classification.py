"""A classification module, taken apart: features, and the dense layer behind them as a head."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import WeightsMissing
from lookalike_worker.golden import golden_images
from lookalike_worker.graphs.feature_vector import image_specs
from lookalike_worker.graphs.final_layer import FinalLayer, find_final_layer
from lookalike_worker.graphs.head import (
    LABELS,
    WEIGHTS,
    Head,
    labels_for,
    load_head,
    read_labels,
    save_head,
    softmax,
)
from lookalike_worker.graphs.label import LABEL, Label, write_label
from lookalike_worker.quiet_tensorflow import convert_variables_to_constants_v2, tf

# What modules that take any size are usually trained at.
_DEFAULT_SIZE = 224

# Two images tell a wrong cut, and cost little.
_N_CHECKED = 2


def export_classification(saved_model: Path, labels: Path | None, directory: Path) -> None:
    """Write a classification SavedModel as a feature vector module with a head.

    It maps images in [0, 1], (n, size, size, 3), to logits or probabilities,
    (n, classes). The graph is cut before its last dense layer (or convolution
    of 1 x 1); normalisation in it stays as it was trained. Labels are those of
    the file, else those among the module's assets, else numbers. A module
    that has a head already gets the labels. Raises WeightsMissing where no such
    layer is the last one, or where labels do not fit.
    """
    if (saved_model / WEIGHTS).is_file():
        _relabel(saved_model, labels, directory)
        return
    try:
        loaded = tf.saved_model.load(str(saved_model))
        classify = _classify(loaded).get_concrete_function()
        final = _cut(classify)
        module = _Features(loaded, classify, final)
        _check(module, final, classify)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise _unusable(saved_model, error) from error
    n_classes = len(final.bias)
    names = read_labels(labels) if labels else _labels_within(saved_model, n_classes)
    head = Head(final.kernel, final.bias, labels_for(n_classes, names))
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serving})
    save_head(head, directory)
    _carry_label(saved_model, directory)


def _unusable(saved_model: Path, cause: object) -> WeightsMissing:
    return WeightsMissing(
        f"the module in {saved_model} cannot be used as a classifier ({cause}); expected a TF2 "
        "SavedModel of images to (n, classes) whose last layer is dense: give a feature vector "
        "module of the same encoder instead",
        value=str(saved_model),
    )


class _Features(tf.train.Checkpoint):  # type: ignore[misc]
    """The root of the module: the variables that the features depend on, and the cut graph."""

    def __init__(self, loaded: Any, classify: Any, final: FinalLayer) -> None:
        super().__init__()
        read = dict(_variables_by_constant(loaded, classify, final))
        self.variables = list(read.values())
        self.trainable_variables = [one for one in self.variables if one.trainable]
        self.regularization_losses: list[Any] = []

        def features_of(inputs: Any) -> Any:
            replaced = {f"{name}:0": one.read_value() for name, one in read.items()}
            replaced[classify.inputs[0].name] = inputs
            (features,) = tf.graph_util.import_graph_def(
                final.graph, replaced, [final.features], name="features"
            )
            # A convolution leaves height and width, of one each.
            return tf.reshape(features, (-1, len(final.kernel)))

        self.__call__ = _hub_signature(tf.function(features_of, autograph=False))
        images = classify.inputs[0]
        spec = tf.TensorSpec(images.shape, images.dtype, name="inputs")
        self.serving = self.__call__.get_concrete_function(spec)
        momentum = tf.TensorSpec((), tf.float32, name="batch_norm_momentum")
        for training in (False, True):
            for arguments in ({}, {"batch_norm_momentum": momentum}):
                self.__call__.get_concrete_function(spec, training=training, **arguments)


def _hub_signature(features_of: Any) -> Any:
    """The arguments that callers of the hub's modules give; normalisation is frozen here."""

    def call(inputs: Any, training: bool = False, batch_norm_momentum: Any = None) -> Any:
        del training, batch_norm_momentum
        return features_of(inputs)

    return tf.function(call, autograph=False)


def _cut(classify: Any) -> FinalLayer:
    # The constants, all weights once more, are gone when this returns.
    frozen = convert_variables_to_constants_v2(classify, lower_control_flow=False)
    variables = {inner.op.name for _, inner in _captured_variables(classify)}
    return find_final_layer(frozen.graph.as_graph_def(), frozen.outputs[0].op.name, variables)


def _classify(loaded: Any) -> Any:
    sides = (side for spec in image_specs(loaded) for side in spec.shape[1:3] if side)
    size = int(next(sides, _DEFAULT_SIZE))
    images = tf.TensorSpec((None, size, size, 3), tf.float32, name="inputs")

    def classify(inputs: Any) -> Any:
        (answer,) = tf.nest.flatten(_answer(loaded, inputs))
        if answer.shape.rank != 2:
            raise ValueError(f"it gives an array of shape {answer.shape}")
        return answer

    return tf.function(classify, autograph=False, input_signature=[images])


def _answer(loaded: Any, inputs: Any) -> Any:
    if callable(loaded):
        return loaded(inputs)
    served = loaded.signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    return served(**{name: inputs})


def _captured_variables(classify: Any) -> list[tuple[Any, Any]]:
    """The variables' handles, outside and inside the graph; freezing keeps the inner names."""
    return [pair for pair in classify.graph.captures if pair[1].dtype == tf.resource]


def _variables_by_constant(
    loaded: Any, classify: Any, final: FinalLayer
) -> Iterator[tuple[str, Any]]:
    known = {id(variable.handle): variable for variable in getattr(loaded, "variables", ())}
    for outer, inner in _captured_variables(classify):
        name = inner.op.name
        if name in final.variables and id(outer) in known:
            yield name, known[id(outer)]
        elif name in final.variables:
            # A module need not list all that it reads.
            dtype = next(node for node in final.graph.node if node.name == name).attr["dtype"].type
            value = tf.raw_ops.ReadVariableOp(resource=outer, dtype=dtype)
            yield name, tf.Variable(value, trainable=False)


def _check(module: Any, final: FinalLayer, classify: Any) -> None:
    """Raise ValueError unless features and head together answer as the whole did."""
    size = classify.inputs[0].shape[1]
    images = tf.constant(golden_images(size)[:_N_CHECKED])
    logits = module.serving(images).numpy() @ final.kernel + final.bias
    ours = softmax(logits) if final.is_softmax else logits
    (theirs,) = tf.nest.flatten(classify(images))
    if not np.allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-4 * np.abs(ours).max()):
        raise ValueError("cut before its last layer, it answers differently")


# ------------------------------------------------------------------- labels


def _relabel(saved_model: Path, labels: Path | None, directory: Path) -> None:
    head = load_head(saved_model)
    assert head
    names = read_labels(labels) if labels else head.labels
    shutil.copytree(saved_model, directory)
    save_head(Head(head.kernel, head.bias, labels_for(len(head.bias), names)), directory)


def _labels_within(saved_model: Path, n_classes: int) -> list[str]:
    """The first text file among the module's assets that has as many lines as classes."""
    files = [saved_model / LABELS, *sorted((saved_model / "assets").glob("*.txt"))]
    for file in (file for file in files if file.is_file()):
        names = read_labels(file)
        if names and n_classes - 1 <= len(names) <= n_classes + 1:
            return names
    return []


def _carry_label(saved_model: Path, directory: Path) -> None:
    """Keep what the encoder is called; its variables no longer stand in a graph of ours."""
    path = saved_model / LABEL
    if path.is_file():
        own = json.loads(path.read_text(encoding="utf-8"))
        label = Label(str(own.get("encoder", "")), bool(own.get("trained", True)))
        write_label(label, directory)
