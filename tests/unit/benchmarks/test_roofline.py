"""What a graph costs an image, counted by hand for small ones and once for a published one."""

from __future__ import annotations

import pytest

from benchmarks.roofline import Ceilings, Work, layers_of, roofline, work_of
from lookalike_worker.quiet_keras import keras

layers = keras.layers


def test_a_convolution_multiplies_and_adds_for_each_position() -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(5, 3, 2, padding="same")(image))
    flops = 2 * 3 * 3 * 3 * 5 * 4 * 4
    assert work_of(layers_of(model)) == Work(flops, 2 * (8 * 8 * 3 + 4 * 4 * 5))


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one() -> None:
    image = keras.Input((8, 8, 4))
    model = keras.Model(image, layers.SeparableConv2D(6, 5, padding="same")(image))
    flops = 2 * 64 * (25 * 4 + 4 * 6)
    assert work_of(layers_of(model)) == Work(flops, 2 * (64 * 4 + 64 * 6))


def test_what_is_fused_costs_nothing_and_pooling_costs_traffic() -> None:
    image = keras.Input((8, 8, 4))
    x = layers.ReLU()(layers.BatchNormalization()(image))
    model = keras.Model(image, layers.AveragePooling2D(2)(x))
    assert work_of(layers_of(model)) == Work(0, 2 * (64 * 4 + 16 * 4))


def test_layers_of_a_graph_in_a_graph_count() -> None:
    inner = keras.Input((8, 8, 3))
    outer = keras.Input((8, 8, 3))
    nested = keras.Model(inner, layers.DepthwiseConv2D(3, padding="same")(inner))
    model = keras.Model(outer, nested(outer))
    assert work_of(layers_of(model)).flops == 2 * 9 * 64 * 3


def test_nasnet_large_costs_what_its_authors_say() -> None:
    from lookalike_worker.graphs.nasnet_large import nasnet_large_graph
    from lookalike_worker.graphs.rewriting import empty

    work = work_of(layers_of(empty(nasnet_large_graph)))
    # 23.8 billion multiply-adds: table 2 of Zoph et al., 2018.
    assert work.flops / 2 == pytest.approx(23.8e9, rel=0.01)


def test_the_lower_of_two_ceilings_bounds_the_rate() -> None:
    found = roofline(Work(10, 4), Ceilings(1000, 500), weight_bytes=8, batch_size=8)
    assert (found.by_arithmetic, found.by_traffic) == (100, 100)
    alone = roofline(Work(10, 4), Ceilings(1000, 500), weight_bytes=8, batch_size=2)
    assert alone.images_per_s == 62.5
