"""What an exported module promises those who load it: the common image feature vector signature.

Sources, below tensorflow.org/hub: common_saved_model_apis/images, reusable_saved_models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.feature_vector import rewrap, save_feature_vector
from lookalike_worker.graphs.label import Label
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import hub, tf

SIZE = 24
MOMENTUM = 0.9997
IMAGES = np.random.default_rng(3).random((4, SIZE, SIZE, 3), np.float32)


def small_model() -> Any:
    """A graph within a graph, as the exported ones are: convolution, normalisation, pooling."""
    inner = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(8, 3, 2, use_bias=False),
            keras.layers.BatchNormalization(momentum=MOMENTUM),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    images = keras.Input((SIZE, SIZE, 3))
    return keras.Model(images, inner(keras.layers.Rescaling(2.0, -1.0)(images)))


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(5)
    return small_model()


@pytest.fixture(scope="module")
def directory(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module") / "small"
    save_feature_vector(model, folder, label=Label("small", True, "small_graph"))
    return folder


def moved(loaded: Any, **arguments: Any) -> float:
    """How far one call in training moves the moving mean, in terms of the batch's own mean."""
    mean = loaded.variables[3]
    mean.assign(tf.zeros_like(mean))
    loaded(IMAGES, training=True, batch_norm_momentum=0.0)
    of_batch = mean.numpy()
    mean.assign(tf.zeros_like(mean))
    loaded(IMAGES, training=True, **arguments)
    return float((mean.numpy() / of_batch).mean())


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_loaded_module_gives_the_features_of_the_model(model: Any, directory: Path) -> None:
    features = hub.load(str(directory))(IMAGES)
    assert (features.dtype, features.shape) == (tf.float32, (4, 8))
    np.testing.assert_allclose(features, model(IMAGES), atol=1e-6)


def test_serving_default_has_one_input_and_one_output(model: Any, directory: Path) -> None:
    served = tf.saved_model.load(str(directory)).signatures["serving_default"]
    (spec,) = served.structured_input_signature[1].values()
    assert (spec.dtype, spec.shape.as_list()) == (tf.float32, [None, SIZE, SIZE, 3])
    (features,) = served(tf.constant(IMAGES)).values()
    np.testing.assert_allclose(features, model(IMAGES), atol=1e-6)


def test_variables_are_listed_in_the_order_of_the_model(model: Any, directory: Path) -> None:
    loaded = hub.load(str(directory))
    for ours, theirs in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert len(loaded.trainable_variables) == len(model.trainable_variables) == 3
    assert list(loaded.regularization_losses) == []


@pytest.mark.parametrize(
    ("arguments", "share"),
    [
        ({}, 1 - MOMENTUM),
        ({"batch_norm_momentum": None}, 1 - MOMENTUM),
        ({"batch_norm_momentum": 0.997}, 0.003),
        ({"batch_norm_momentum": np.float32(0.5)}, 0.5),
        ({"batch_norm_momentum": 1}, 0.0),
    ],
)
def test_the_momentum_says_how_far_training_moves_the_averages(
    directory: Path, arguments: dict[str, Any], share: float
) -> None:
    assert moved(hub.load(str(directory)), **arguments) == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"training": False}, {"batch_norm_momentum": 0.9}])
def test_without_training_nothing_changes(
    model: Any, directory: Path, arguments: dict[str, Any]
) -> None:
    loaded = hub.load(str(directory))
    np.testing.assert_allclose(loaded(IMAGES, **arguments), model(IMAGES), atol=1e-6)
    for ours, theirs in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(("trainable", "n_changed"), [(False, 0), (True, 5)])
def test_a_hub_layer_trains_weights_and_averages_only_if_told(
    directory: Path, trainable: bool, n_changed: int
) -> None:
    import tf_keras

    arguments = {"batch_norm_momentum": 0.997}
    layer = hub.KerasLayer(str(directory), trainable=trainable, arguments=arguments)
    classifier = tf_keras.Sequential([layer, tf_keras.layers.Dense(2, activation="softmax")])
    classifier.build([None, SIZE, SIZE, 3])
    classifier.compile("sgd", loss="sparse_categorical_crossentropy")
    before = [variable.numpy() for variable in layer.variables]
    classifier.fit(IMAGES, np.array([0, 1, 0, 1]), verbose=0)
    pairs = zip(before, layer.variables, strict=True)
    assert sum(bool((old != new.numpy()).any()) for old, new in pairs) == n_changed


def test_a_keras_3_layer_serves_the_module(model: Any, directory: Path) -> None:
    layer = keras.layers.TFSMLayer(str(directory), call_endpoint="serving_default")
    (features,) = layer(IMAGES).values()
    np.testing.assert_allclose(features, model(IMAGES), atol=1e-6)


def test_the_label_travels_with_the_module(directory: Path) -> None:
    label = json.loads((directory / "assets.extra" / "lookalike.json").read_text())
    assert label == {"encoder": "small", "trained": True, "architecture": "small_graph"}


def test_weights_are_saved_once(tmp_path: Path) -> None:
    images = keras.Input((SIZE, SIZE, 3))
    wide = keras.layers.Conv2D(40_000, 3)(images)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(wide))
    save_feature_vector(model, tmp_path / "m")
    assert 4.48e6 < folder_bytes(tmp_path / "m") < 4.6e6


# ------------------------------------------------- modules that are not ours


def foreign_module(folder: Path, *, size: int | None, answer: str = "vector") -> None:
    """Mean colours times a weight; callable, without any signature."""
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable([1.0, 2.0, 3.0])]
    axes = {"vector": (1, 2), "rows": (1,)}[answer]
    spec = tf.TensorSpec((None, size, size, 3), tf.float32)
    root.__call__ = tf.function(
        lambda images: tf.reduce_mean(images, axes) * root.variables[0], input_signature=[spec]
    )
    tf.saved_model.save(root, str(folder))


@pytest.mark.parametrize(("size", "served"), [(48, 48), (None, 32)])
def test_a_foreign_module_gets_a_serving_default(
    tmp_path: Path, size: int | None, served: int
) -> None:
    foreign_module(tmp_path / "foreign", size=size)
    rewrap(tmp_path / "foreign", tmp_path / "ours", size=32)
    loaded = hub.load(str(tmp_path / "ours"))
    white = tf.ones((2, served, served, 3))
    np.testing.assert_allclose(loaded(white), [[1, 2, 3]] * 2, rtol=1e-5)
    (features,) = loaded.signatures["serving_default"](white).values()
    np.testing.assert_allclose(features, [[1, 2, 3]] * 2, rtol=1e-5)


def test_a_module_that_is_wrapped_again_keeps_what_it_had(model: Any, directory: Path) -> None:
    again = directory.with_name("again")
    rewrap(directory, again)
    loaded = hub.load(str(again))
    assert moved(loaded, batch_norm_momentum=0.9) == pytest.approx(0.1, abs=1e-5)
    assert len(loaded.trainable_variables) == 3
    assert (again / "assets.extra" / "lookalike.json").is_file()
    assert folder_bytes(again) < folder_bytes(directory) * 1.5


def test_a_foreign_module_that_gives_no_vectors_is_refused(tmp_path: Path) -> None:
    foreign_module(tmp_path / "foreign", size=48, answer="rows")
    with pytest.raises(WeightsMissing, match=r"it gives an array of shape \(None, 48, 3\)"):
        rewrap(tmp_path / "foreign", tmp_path / "ours")


def test_a_damaged_foreign_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(WeightsMissing, match="give a feature vector module"):
        rewrap(tmp_path, tmp_path / "ours")
