"""Keras's weight files, put into the graph that they fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookalike_worker.graphs.efficientnet_lite0 import efficientnet_lite0_graph
from lookalike_worker.graphs.feature_vector import save_feature_vector
from lookalike_worker.graphs.head import Head, labels_for, save_head
from lookalike_worker.graphs.keras_files import StoredLayer, describe, read_keras_file, unusable
from lookalike_worker.graphs.label import Label
from lookalike_worker.graphs.nasnet_large import nasnet_large_graph
from lookalike_worker.graphs.path_dropout import with_path_dropout
from lookalike_worker.quiet_keras import keras

Pairs = list[tuple[Any, StoredLayer]]
"""Layers of a graph, each with the stored layer that belongs to it."""


@dataclass(frozen=True, slots=True)
class _Architecture:
    """A graph of ours; no other one has a first kernel of the shape `stem`."""

    name: str
    stem: tuple[int, ...]
    build: Callable[[], Any]


_ARCHITECTURES = (
    _Architecture("nasnet_large", (3, 3, 3, 96), nasnet_large_graph),
    _Architecture("efficientnet_lite0", (3, 3, 3, 32), efficientnet_lite0_graph),
)


def export_keras_weights(path: Path, directory: Path) -> None:
    """Write a weight file of NASNetLarge or EfficientNet-Lite0 as a feature vector module.

    `.h5` of Keras 2 or `.weights.h5` of Keras 3, with the classifier, which
    becomes the module's head, or without. The graph is Keras's own. Raises
    WeightsMissing, saying what the file holds, where it is neither.
    """
    stored = read_keras_file(path)
    architecture = _recognize(stored)
    if architecture is None:
        raise unusable(path, describe(stored))
    model = architecture.build()
    try:
        head = assign_layers(model, stored)
    except ValueError as error:
        raise unusable(path, f"{describe(stored)}, and {error}") from error
    is_nasnet = architecture.name == "nasnet_large"
    label = Label(architecture.name, trained=True, architecture=architecture.name)
    trained_as = with_path_dropout(model) if is_nasnet else model
    save_feature_vector(model, directory, trained_as=trained_as, label=label)
    if head:
        save_head(head, directory)


def _recognize(stored: Sequence[StoredLayer]) -> _Architecture | None:
    shapes = {array.shape for layer in stored for array in layer.arrays}
    return next((known for known in _ARCHITECTURES if known.stem in shapes), None)


def assign_layers(model: Any, stored: Sequence[StoredLayer]) -> Head | None:
    """Give a graph the weights of a file, by names or else by order; gives the classifier's head.

    Raises ValueError, saying where, unless every layer finds its own.
    """
    classifiers = [layer for layer in stored if layer.is_dense]
    rest = [layer for layer in stored if not layer.is_dense]
    layers = [layer for layer in _flat(model) if layer.weights]
    pairs = _by_name(layers, rest) or _by_kind(layers, rest) or _by_order(layers, rest)
    _check(pairs)
    for layer, own in pairs:
        layer.set_weights(own.arrays)
    return _head(classifiers, model.output_shape[-1])


def _flat(model: Any) -> list[Any]:
    """The layers of a model, and of the models within it, in their order."""
    parts = (_flat(one) if isinstance(one, keras.Model) else [one] for one in model.layers)
    return [layer for part in parts for layer in part]


def _by_name(layers: list[Any], stored: list[StoredLayer]) -> Pairs:
    named = {own.name: own for own in stored}
    same = len(named) == len(stored) and set(named) == {layer.name for layer in layers}
    return [(layer, named[layer.name]) for layer in layers] if same else []


def _by_kind(layers: list[Any], stored: list[StoredLayer]) -> Pairs:
    """By the order among layers of the same class, which is all that Keras 3 writes down."""
    if not all(own.kind for own in stored):
        return []
    of_kind: dict[str, list[Any]] = defaultdict(list)
    for layer in layers:
        of_kind[_kind(layer)].append(layer)
    found: dict[str, list[StoredLayer]] = defaultdict(list)
    for own in stored:
        found[own.kind].append(own)
    expected = {kind: len(members) for kind, members in of_kind.items()}
    counted = {kind: len(members) for kind, members in found.items()}
    if expected != counted:
        raise ValueError(f"there are layers {counted}, not {expected}")
    return [
        pair for kind, members in of_kind.items() for pair in zip(members, found[kind], strict=True)
    ]


def _by_order(layers: list[Any], stored: list[StoredLayer]) -> Pairs:
    if len(layers) != len(stored):
        raise ValueError(f"there are {len(stored)} layers besides classifiers, not {len(layers)}")
    return list(zip(layers, stored, strict=True))


def _kind(layer: Any) -> str:
    """A layer's class as Keras 3 writes it into a file: `SeparableConv2D`, `separable_conv2d`."""
    name = type(layer).__name__
    return "".join(
        f"_{letter.lower()}" if letter.isupper() and before.islower() else letter.lower()
        for before, letter in zip(" " + name, name, strict=False)
    )


def _check(pairs: Pairs) -> None:
    for layer, own in pairs:
        expected = [tuple(variable.shape) for variable in layer.weights]
        found = [array.shape for array in own.arrays]
        if expected != found:
            raise ValueError(
                f"{own.name or own.kind} has {found} where {layer.name} has {expected}"
            )


def _head(classifiers: list[StoredLayer], n_dimensions: int) -> Head | None:
    if not classifiers:
        return None
    kernel, bias = (np.asarray(array, np.float32) for array in classifiers[-1].arrays)
    if len(classifiers) > 1 or len(kernel) != n_dimensions:
        shapes = [layer.arrays[0].shape for layer in classifiers]
        raise ValueError(f"its dense layers are {shapes}, not one of ({n_dimensions}, classes)")
    return Head(kernel, bias, labels_for(len(bias), []))
