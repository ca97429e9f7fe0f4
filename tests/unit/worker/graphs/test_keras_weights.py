from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras
from keras.src.applications.nasnet import NASNet

from lookalike.errors import WeightsMissing
from lookalike_worker.golden import golden_images
from lookalike_worker.graphs.efficientnet_lite0 import build_efficientnet_lite0
from lookalike_worker.graphs.head import load_head
from lookalike_worker.graphs.keras_files import read_keras_file
from lookalike_worker.graphs.keras_weights import assign_layers, export_keras_weights
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import hub

LITE0 = Path(__file__).parents[5] / "shared" / "models" / "efficientnet_lite0_keras.weights.h5"
N_CLASSES = 7


def nasnet(*, top: bool, module: Any = keras) -> Any:
    """A small NASNet of Keras 3 or 2, whose layers have the names of the large one."""
    keras_2 = module is tf_keras
    build = tf_keras.src.applications.nasnet.NASNet if keras_2 else NASNet
    return build(
        input_shape=(48, 48, 3),
        penultimate_filters=96,
        num_blocks=1,
        stem_block_filters=8,
        include_top=top,
        weights=None,
        default_size=48,
        pooling="avg",
        classes=N_CLASSES,
    )


def chain(*, top: bool) -> Any:
    """A graph whose layers are named automatically, other than in any other session."""
    layers = [
        keras.Input((12, 12, 3)),
        keras.layers.Conv2D(4, 3, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.DepthwiseConv2D(3, use_bias=False),
        keras.layers.Conv2D(4, 1, use_bias=False),
        keras.layers.GlobalAveragePooling2D(),
    ]
    return keras.Sequential([*layers, keras.layers.Dense(N_CLASSES)] if top else layers)


def randomize(model: Any) -> Any:
    generator = np.random.default_rng(2)
    model.set_weights([generator.random(w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def save(model: Any, path: Path) -> Path:
    """In the older layout with `model.h5`, where Keras 3 saves the whole model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each Keras warns of the older layout in its own words
        whole = path.name == "model.h5"
        (model.save if whole else model.save_weights)(path)
    return path


def same_weights(ours: Any, theirs: Any) -> None:
    for layer in (layer for layer in ours.layers if layer.weights):
        stored = theirs.get_layer(layer.name).get_weights()
        for mine, other in zip(layer.get_weights(), stored, strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.fixture(scope="module")
def plain() -> Any:
    return nasnet(top=False)


@pytest.fixture(scope="module")
def theirs() -> dict[Any, Any]:
    return {which: randomize(nasnet(top=True, module=which)) for which in (keras, tf_keras)}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (tf_keras, "weights.h5"),
        (tf_keras, "model.h5"),
        (tf_keras, "keras_2.weights.h5"),
        (keras, "keras_3.weights.h5"),
        (keras, "model.h5"),
    ],
)
def test_a_classifier_of_either_keras_gives_weights_and_head(
    tmp_path: Path, plain: Any, theirs: dict[Any, Any], module: Any, name: str
) -> None:
    path = save(theirs[module], tmp_path / name)
    head = assign_layers(plain, read_keras_file(path))
    same_weights(plain, theirs[module])
    kernel, bias = theirs[module].layers[-1].get_weights()
    assert head is not None
    np.testing.assert_array_equal(head.kernel, kernel)
    np.testing.assert_array_equal(head.bias, bias)
    assert head.labels == ("0", "1", "2", "3", "4", "5", "6")


@pytest.mark.parametrize("name", ["weights.weights.h5", "model.h5"])
def test_weights_without_a_classifier_give_no_head(tmp_path: Path, name: str) -> None:
    source, target = randomize(chain(top=False)), chain(top=False)
    assert assign_layers(target, read_keras_file(save(source, tmp_path / name))) is None


@pytest.mark.parametrize("name", ["weights.weights.h5", "model.h5"])
def test_layers_with_automatic_names_are_found_by_their_order(tmp_path: Path, name: str) -> None:
    source, target = randomize(chain(top=True)), chain(top=False)
    path = save(source, tmp_path / name)
    assert source.layers[0].name != target.layers[0].name
    assert assign_layers(target, read_keras_file(path)) is not None
    for ours, theirs in zip(target.get_weights(), source.get_weights(), strict=False):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_within_a_model_is_read(tmp_path: Path) -> None:
    inner, images = chain(top=False), keras.Input((12, 12, 3))
    source = randomize(keras.Model(images, inner(images)))
    for name in ("weights.weights.h5", "model.h5"):
        target = chain(top=False)
        assign_layers(target, read_keras_file(save(source, tmp_path / name)))
        assert all(map(np.array_equal, target.get_weights(), inner.get_weights()))


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    stored = read_keras_file(save(randomize(chain(top=True)), tmp_path / "w.weights.h5"))
    narrow = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3)])
    with pytest.raises(ValueError, match=r"there are layers \{'batch_normalization': 1, 'conv2d'"):
        assign_layers(narrow, stored)


def test_a_foreign_file_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = save(chain(top=True), tmp_path / "foreign.weights.h5")
    with pytest.raises(WeightsMissing, match="it holds 5 layers with 9 arrays, 211 numbers"):
        export_keras_weights(path, tmp_path / "module")


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "absent"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = save(chain(top=False), tmp_path / "w.weights.h5")
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"no HDF5"}.get(damage, b""))
    if damage == "absent":
        path.unlink()
    with pytest.raises(WeightsMissing, match="cannot be used"):
        export_keras_weights(path, tmp_path / "module")


def test_an_hdf5_file_without_weights_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["measurements"] = np.zeros(3)
    with pytest.raises(WeightsMissing, match=r"stand in it, but \['measurements'\]"):
        export_keras_weights(tmp_path / "data.h5", tmp_path / "module")


@pytest.mark.skipif(not LITE0.is_file(), reason="needs ../shared/models beside the checkout")
def test_efficientnet_lite0_from_a_file_is_that_of_the_package(tmp_path: Path) -> None:
    export_keras_weights(LITE0, tmp_path / "module")
    image = golden_images(256)[:1]
    expected = build_efficientnet_lite0()(image).numpy()
    features = hub.load(str(tmp_path / "module"))(image).numpy()
    np.testing.assert_allclose(features, expected, atol=1e-3 * expected.max())
    head = load_head(tmp_path / "module")
    assert head is not None
    assert head.kernel.shape == (1280, 1000)
