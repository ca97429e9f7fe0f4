"""A rewritten graph computes what the graph computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike_worker.graphs.rewriting import Rewriting, empty, rewritten
from lookalike_worker.quiet_keras import keras

layers = keras.layers


def graph(size: int, stride: int, padding: str, *, bias: bool) -> Any:
    """A graph within a graph, with each kind of layer that is rewritten."""
    options = {"padding": padding, "use_bias": bias, "bias_initializer": "ones"}
    inner = keras.Input((size, size, 4))
    x = layers.SeparableConv2D(6, 3, stride, **options)(inner)
    x = layers.DepthwiseConv2D(5, stride, **options)(layers.BatchNormalization()(x))
    x = layers.Conv2D(5, 1, **options)(layers.ReLU()(x))
    outer = keras.Input((size, size, 3))
    model = keras.Model(inner, layers.GlobalAveragePooling2D()(x))
    return keras.Model(outer, model(layers.Conv2D(4, 1, **options | {"padding": "same"})(outer)))


def features(model: Any, weights: list[Any], images: Any) -> Any:
    n_trainable = {id(variable): i for i, variable in enumerate(model.variables)}
    trainable, other = (
        [weights[n_trainable[id(variable)]] for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    return np.asarray(model.stateless_call(trainable, other, images, training=False)[0])


@pytest.mark.parametrize("shifts", [False, True])
@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(48, 1, "same"), (48, 2, "same"), (49, 2, "same"), (48, 1, "valid"), (51, 2, "valid")],
)
def test_the_features_stay(
    size: int, stride: int, padding: str, *, shifts: bool, products: bool
) -> None:
    model = graph(size, stride, padding, bias=size == 48)
    images = np.random.default_rng(0).random((2, size, size, 3), np.float32)
    weights = [np.asarray(variable) for variable in model.variables]
    other = rewritten(model, Rewriting(shifts=shifts, products=products))
    np.testing.assert_allclose(
        features(other, weights, images), np.asarray(model(images)), rtol=1e-4, atol=1e-5
    )


def test_bfloat16_gives_nearly_the_features() -> None:
    model = graph(48, 1, "same", bias=True)
    images = np.random.default_rng(0).random((2, 48, 48, 3), np.float32)
    weights = [np.asarray(variable) for variable in model.variables]
    narrow = features(
        rewritten(model, Rewriting(bf16=True, shifts=True, products=True)), weights, images
    )
    assert str(narrow.dtype) == "bfloat16"
    # The weights are random, so a feature may come out near zero.
    np.testing.assert_allclose(
        narrow.astype(np.float32), np.asarray(model(images)), rtol=0.05, atol=0.02
    )


def test_an_empty_graph_draws_no_weights() -> None:
    model = empty(lambda: graph(48, 1, "same", bias=True))
    assert len(model.variables) == 13
    assert all(variable._value is None for variable in model.variables)
