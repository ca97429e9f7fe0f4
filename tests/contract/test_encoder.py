"""What every Encoder must keep to: the fake, and each runtime with each module.

The runs of JAX need a process of their own, since Keras computes with one
backend for the life of a process: `test_on_jax` starts it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lookalike.features import Features
from lookalike.settings import Settings
from lookalike_worker.encoder import Batch, Encoder, FakeEncoder
from lookalike_worker.encoders import load_module
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.faithfulness import cosines

IS_JAX = os.environ.get("KERAS_BACKEND") == "jax"
ROOT = Path(__file__).parents[2]
# Modules are shared between runs: NASNet-A Large takes a minute to build.
CACHE = ROOT / ".cache" / "encoders"

# Beside the other half of the suite, NASNet-A Large takes minutes to build and to load.
pytestmark = pytest.mark.timeout(900)

beside_tensorflow = pytest.mark.skipif(IS_JAX, reason="TensorFlow is not loaded beside JAX")

EXPECTED = {
    "fake": (32, 4032, False),
    "efficientnet_lite0": (256, 1280, True),
    "nasnet_large": (331, 4032, False),
}

WITH_TENSORFLOW = (
    "fake",
    "efficientnet_lite0 openvino fp32",
    "efficientnet_lite0 tensorflow fp32",
    "efficientnet_lite0 tensorflow-frozen fp32",
    "nasnet_large auto auto",
)
WITH_JAX = ("efficientnet_lite0 jax fp32",)


def module(name: str) -> Module:
    return resolve(name, untrained=name == "nasnet_large", cache=CACHE)


def load(what: str) -> Encoder:
    if what == "fake":
        return FakeEncoder(batch_size=2)
    name, runtime, precision = what.split()
    options = {"runtime": runtime, "precision": precision, "batch_size": 2, "home": CACHE.parent}
    encoder = load_module(module(name), Settings.model_validate(options))
    encoder.warm_up()
    return encoder


@pytest.fixture(params=WITH_JAX if IS_JAX else WITH_TENSORFLOW, scope="module")
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Each in turn, through all tests that want one: they do not fit into memory together."""
    return load(request.param)


@pytest.fixture(scope="module")
def features(encoder: Encoder) -> Features:
    """Those of three pictures, computed once: NASNet-A Large takes a second for each."""
    return encoder.encode(pictures(encoder.input_size))


def pictures(size: int, n: int = 3) -> Batch:
    """Pictures that differ in colour and pattern, RGB in [0, 1]."""
    coarse = np.random.default_rng(7).random((n, 4, 4, 3), np.float32)
    steps = np.arange(size) * 4 // size
    return coarse[:, steps][:, :, steps]


def least(ours: Features, theirs: Features) -> float:
    return float(cosines(ours, theirs).min())


def test_the_space_says_what_the_encoder_is(encoder: Encoder) -> None:
    size, dimensions, trained = EXPECTED[encoder.space.encoder]
    assert (encoder.input_size, encoder.space.dimensions) == (size, dimensions)
    assert encoder.space.trained is trained
    assert len(bytes.fromhex(encoder.space.digest)) == 32
    assert str(dimensions) in encoder.description


def test_features_have_one_row_an_image_in_float32(encoder: Encoder, features: Features) -> None:
    assert features.shape == (3, encoder.space.dimensions)
    assert features.dtype == np.float32


def test_features_are_finite_and_not_negative(features: Features) -> None:
    assert np.isfinite(features).all()
    assert features.min() >= 0
    assert (features.max(axis=1) > 0).all()


def test_the_order_of_the_batch_is_kept(encoder: Encoder, features: Features) -> None:
    reversed_ = encoder.encode(pictures(encoder.input_size)[::-1])
    assert least(features, reversed_[::-1]) > 0.9999
    assert least(features[:1], features[2:]) < 0.9999


def test_batch_mates_and_batch_size_do_not_change_features(
    encoder: Encoder, features: Features
) -> None:
    batch = pictures(encoder.input_size)
    alone = np.concatenate([encoder.encode(batch[i : i + 1]) for i in range(3)])
    assert least(features, alone) > 0.9999


def test_the_same_batch_gives_the_same_features(encoder: Encoder, features: Features) -> None:
    assert least(features, encoder.encode(pictures(encoder.input_size))) > 0.9999


def test_features_outlive_the_next_batch(encoder: Encoder) -> None:
    ours = encoder.encode(pictures(encoder.input_size, 2))
    before = ours.copy()
    encoder.encode(np.zeros_like(pictures(encoder.input_size, 2)))
    assert np.array_equal(ours, before)


def test_brightness_runs_from_0_to_1(encoder: Encoder, features: Features) -> None:
    if encoder.space.encoder == "fake":
        return
    batch = pictures(encoder.input_size, 1)
    darker = encoder.encode(np.concatenate([batch * 0.98, batch / 255]))
    assert least(features[:1], darker[:1]) > 0.99
    assert least(features[:1], darker[:1]) > least(features[:1], darker[1:])


def test_warming_up_again_leaves_the_features_as_they_were(
    encoder: Encoder, features: Features
) -> None:
    encoder.warm_up()
    assert least(features[:1], encoder.encode(pictures(encoder.input_size, 1))) > 0.9999


@beside_tensorflow
@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [("efficientnet_lite0", 13e6, 19e6), ("nasnet_large", 343e6, 356e6)],
)
def test_an_exported_module_is_as_large_as_its_weights(
    name: str, fewest: float, most: float
) -> None:
    files = (path for path in module(name).directory.rglob("*") if path.is_file())
    assert fewest < sum(path.stat().st_size for path in files) < most


@cache
def direct(name: str) -> Features:
    """The module's own answer to the first two pictures, as the hub's library gives it."""
    from lookalike_worker.quiet_tensorflow import hub

    features: Features = hub.load(str(module(name).directory))(pictures(EXPECTED[name][0], 2))
    return np.asarray(features)


@beside_tensorflow
def test_the_encoder_agrees_with_a_direct_call_of_the_module(
    encoder: Encoder, features: Features
) -> None:
    if encoder.space.encoder != "fake":
        assert least(features[:2], direct(encoder.space.encoder)) > 0.999


@beside_tensorflow
def test_tensorflow_serves_nasnet_large_faithfully_where_openvino_is_absent() -> None:
    encoder = load("nasnet_large tensorflow auto")
    features = encoder.encode(pictures(encoder.input_size, 2))
    assert least(features, direct("nasnet_large")) > 0.999


@beside_tensorflow
def test_exporting_the_same_weights_again_gives_the_same_space(tmp_path: Path) -> None:
    again = resolve("efficientnet_lite0", untrained=False, cache=tmp_path)
    assert again.space == module("efficientnet_lite0").space
