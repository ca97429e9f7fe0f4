"""Slim's checkpoint in our graph, against an evaluation by slim's own building rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from keras.src.applications.nasnet import NASNet

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.nasnet_slim import nasnet_large_slim_graph, pool_as_slim
from lookalike_worker.graphs.path_dropout import keep_probabilities, with_path_dropout
from lookalike_worker.graphs.slim_checkpoint import (
    assign_checkpoint,
    export_slim_checkpoint,
    read_head,
)
from lookalike_worker.graphs.slim_names import slim_variables
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import tf
from tests.unit.worker.graphs.slim_nasnet import SlimNasnet, variable_shapes

Arrays = dict[str, npt.NDArray[np.float32]]

SMALL: dict[str, Any] = {"n_cells": 6, "filters": 8, "stem_filters": 8, "n_classes": 11}
SHADOW = "/ExponentialMovingAverage"


class Stored:
    """A checkpoint in memory."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.arrays = arrays

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return {name: list(array.shape) for name, array in self.arrays.items()}

    def get_tensor(self, name: str) -> npt.NDArray[np.float32]:
        return self.arrays[name]


def small_graph(size: int) -> Any:
    """Keras's NASNet with two blocks between its reductions and few filters."""
    return NASNet(
        (size, size, 3),
        penultimate_filters=192,
        num_blocks=2,
        stem_block_filters=8,
        include_top=False,
        weights=None,
        default_size=size,
        pooling="avg",
    )


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    """Random values that keep activations alive, for every variable of a small slim graph."""
    generator = np.random.default_rng(11)

    def values(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        if name.endswith(("gamma", "moving_variance")):
            return generator.uniform(0.5, 1.5, shape).astype(np.float32)
        n_inputs = int(np.prod(shape[:2])) if "depthwise" in name else int(np.prod(shape[:-1]))
        deviation = 0.3 if len(shape) == 1 else n_inputs**-0.5
        return generator.normal(0, deviation, shape).astype(np.float32)

    return {name: values(name, shape) for name, shape in variable_shapes(131, **SMALL).items()}


@pytest.fixture(scope="module")
def graph() -> Any:
    return pool_as_slim(small_graph(65))


def images(size: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(7).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)


def of_slim(arrays: Arrays, size: int) -> npt.NDArray[np.float32]:
    net = SlimNasnet(lambda name, _: tf.constant(arrays[name]), **SMALL)
    features: npt.NDArray[np.float32] = net.features(tf.constant(images(size))).numpy()
    return features


def agrees(features: Any, theirs: npt.NDArray[np.float32]) -> bool:
    assert theirs.max() > 0.1
    return bool(np.abs(features - theirs).max() < 1e-4 * theirs.max())


def test_features_are_those_of_slims_own_evaluation(graph: Any, arrays: Arrays) -> None:
    assign_checkpoint(graph, Stored(arrays))
    assert agrees(graph(images(65)), of_slim(arrays, 65))


def test_at_even_sizes_too_but_kerass_own_pooling_differs(arrays: Arrays) -> None:
    kerass, theirs = small_graph(70), of_slim(arrays, 70)
    assign_checkpoint(kerass, Stored(arrays))
    assert not agrees(kerass(images(70)), theirs)
    assert agrees(pool_as_slim(kerass)(images(70)), theirs)


def test_every_variable_of_nasnet_large_has_its_name_and_shape() -> None:
    expected = variable_shapes(331)
    with keras.StatelessScope(initialize_variables=False):
        graph = nasnet_large_slim_graph()
    ours = {name: tuple(variable.shape) for name, variable in slim_variables(graph)}
    rest = {name: shape for name, shape in expected.items() if name not in ours}
    assert {name: expected[name] for name in ours} == ours
    assert rest["final_layer/FC/weights"] == (4032, 1001)
    assert {name.split("/")[0] for name in rest} == {"final_layer", "aux_11"}
    assert len(rest) == 14


def test_shadows_are_taken_where_there_are_any(graph: Any, arrays: Arrays) -> None:
    name = "cell_0/1x1/weights"
    shadowed = {**arrays, f"{name}{SHADOW}": arrays[name] + 1}
    assign_checkpoint(graph, Stored(shadowed))
    taken = dict(slim_variables(graph))
    np.testing.assert_allclose(taken[name], arrays[name] + 1)
    np.testing.assert_array_equal(taken["conv0/weights"], arrays["conv0/weights"])


def test_what_training_left_behind_is_ignored(graph: Any, arrays: Arrays) -> None:
    scalar = np.zeros((), np.float32)
    left = dict.fromkeys(
        ["global_step", "conv0/weights/RMSProp", "conv0/weights/RMSProp_1"], scalar
    )
    assign_checkpoint(graph, Stored({**arrays, **left}))


def test_what_does_not_fit_is_listed(graph: Any, arrays: Arrays) -> None:
    others = {name: array for name, array in arrays.items() if name != "conv0/weights"}
    others["cell_0/1x1/weights"] = np.zeros((1, 1, 3, 3), np.float32)
    others["cell_99/1x1/weights"] = np.zeros((1, 1, 3, 3), np.float32)
    with pytest.raises(ValueError, match="variables are missing") as caught:
        assign_checkpoint(graph, Stored(others))
    message = str(caught.value)
    assert "1 variables are missing: conv0/weights (3, 3, 3, 8)" in message
    assert "1 variables are unexpected: cell_99/1x1/weights" in message
    assert "cell_0/1x1/weights is (1, 1, 3, 3), not (1, 1, 16, 8)" in message


def test_the_head_has_the_background_first(arrays: Arrays) -> None:
    head = read_head(Stored(arrays))
    assert head is not None
    assert head.kernel.shape == (192, 11)
    assert head.labels[:3] == ("background", "1", "2")
    assert read_head(Stored({})) is None


def test_another_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(weights=tf.Variable([1.0]))
    prefix = checkpoint.write(str(tmp_path / "model.ckpt"))
    with pytest.raises(WeightsMissing, match="no conv0/weights among its 2 variables: _CHECK"):
        export_slim_checkpoint(Path(prefix), tmp_path / "module")


def test_a_damaged_or_absent_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="is no checkpoint of NASNet-A Large"):
        export_slim_checkpoint(tmp_path / "model.ckpt", tmp_path / "module")
    (tmp_path / "model.ckpt.index").write_bytes(b"damaged")
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(b"damaged")
    with pytest.raises(WeightsMissing, match="is no checkpoint of NASNet-A Large"):
        export_slim_checkpoint(tmp_path / "model.ckpt", tmp_path / "module")


# ------------------------------------------------------------- path dropout


def test_training_drops_paths_at_random_and_serving_does_not(graph: Any, arrays: Arrays) -> None:
    assign_checkpoint(graph, Stored(arrays))
    trained = with_path_dropout(graph)
    batch = images(65)
    np.testing.assert_allclose(trained(batch), graph(batch), atol=1e-5)
    first, second = (trained(batch, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 0.01
    assert [id(variable) for variable in trained.variables] != []
    assert {id(v) for v in trained.variables} == {id(v) for v in graph.variables}


def test_deeper_cells_keep_their_branches_less_often(graph: Any) -> None:
    keep = keep_probabilities([layer.name for layer in graph.layers])
    assert keep["separable_conv_2_bn_reduction_left1_stem_1"] == pytest.approx(1 - 0.3 / 10)
    assert keep["normal_left3_0"] == pytest.approx(1 - 0.3 * 3 / 10)
    assert keep["reduction_right5_reduce_2"] == pytest.approx(1 - 0.3 * 5 / 10)
    assert min(keep.values()) == pytest.approx(0.7)
    assert len(keep) == 6 * 8 + 4 * 9
