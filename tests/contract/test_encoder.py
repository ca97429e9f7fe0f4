"""What every Encoder must keep to."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.features import Features
from lookalike_worker.encoder import Batch, Encoder, FakeEncoder
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve

ROOT = Path(__file__).parents[2]
# Exports are shared between runs: NASNet-A Large takes a minute to build.
EXPORTS = ROOT / ".cache" / "encoders"

REAL = ("efficientnet_lite0", "nasnet_large")
EXPECTED = {
    "fake": (32, 4032, False),
    "efficientnet_lite0": (256, 1280, True),
    "nasnet_large": (331, 4032, False),
}


def module(name: str) -> Module:
    return resolve(name, untrained=name == "nasnet_large", cache=EXPORTS)


@cache
def loaded(name: str) -> Encoder:
    if name == "fake":
        return FakeEncoder()
    from lookalike_worker.runtimes.hub_encoder import HubEncoder

    return HubEncoder(module(name))


@cache
def direct(name: str) -> Any:
    """The module as the hub's own library loads it."""
    from lookalike_worker.quiet_tensorflow import hub

    return hub.load(str(module(name).directory))


@pytest.fixture(params=("fake", *REAL))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return loaded(request.param)


def pictures(encoder: Encoder, n: int = 3) -> Batch:
    """Pictures that differ in colour and pattern, RGB in [0, 1]."""
    size = encoder.input_size
    generator = np.random.default_rng(7)
    coarse = generator.random((n, 4, 4, 3), np.float32)
    steps = np.arange(size) * 4 // size
    return coarse[:, steps][:, :, steps]


def cosines(ours: Features, theirs: Features) -> Features:
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    products: Features = (ours * theirs).sum(axis=-1) / lengths
    return products


def test_the_space_says_what_the_encoder_is(encoder: Encoder) -> None:
    size, dimensions, trained = EXPECTED[encoder.space.encoder]
    assert (encoder.input_size, encoder.space.dimensions) == (size, dimensions)
    assert encoder.space.trained is trained
    assert len(bytes.fromhex(encoder.space.digest)) == 32
    assert str(dimensions) in encoder.description


def test_features_have_one_row_an_image_in_float32(encoder: Encoder) -> None:
    features = encoder.encode(pictures(encoder))
    assert features.shape == (3, encoder.space.dimensions)
    assert features.dtype == np.float32


def test_features_are_finite_and_not_negative(encoder: Encoder) -> None:
    features = encoder.encode(pictures(encoder))
    assert np.isfinite(features).all()
    assert features.min() >= 0
    assert (features.max(axis=1) > 0).all()


def test_the_order_of_the_batch_is_kept(encoder: Encoder) -> None:
    batch = pictures(encoder)
    features, reversed_ = encoder.encode(batch), encoder.encode(batch[::-1])
    assert cosines(features, reversed_[::-1]).min() > 0.9999
    assert cosines(features[0], features[2]) < 0.9999


def test_batch_mates_and_batch_size_do_not_change_features(encoder: Encoder) -> None:
    batch = pictures(encoder)
    alone = np.concatenate([encoder.encode(batch[i : i + 1]) for i in range(3)])
    assert cosines(encoder.encode(batch), alone).min() > 0.9999


def test_the_same_batch_gives_the_same_features(encoder: Encoder) -> None:
    batch = pictures(encoder, 2)
    assert cosines(encoder.encode(batch), encoder.encode(batch)).min() > 0.9999


@pytest.mark.parametrize("name", REAL)
def test_brightness_runs_from_0_to_1(name: str) -> None:
    encoder = loaded(name)
    batch = pictures(encoder, 1)
    features = encoder.encode(np.concatenate([batch, batch * 0.98, batch / 255]))
    assert cosines(features[0], features[1]) > 0.99
    assert cosines(features[0], features[1]) > cosines(features[0], features[2])


def test_warming_up_leaves_the_features_as_they_were(encoder: Encoder) -> None:
    batch = pictures(encoder, 1)
    before = encoder.encode(batch)
    encoder.warm_up(2)
    assert cosines(before, encoder.encode(batch)).min() > 0.9999


@pytest.mark.parametrize("name", REAL)
def test_the_encoder_agrees_with_a_direct_call_of_the_module(name: str) -> None:
    encoder = loaded(name)
    batch = pictures(encoder, 2)
    assert cosines(encoder.encode(batch), direct(name)(batch).numpy()).min() > 0.999


@pytest.mark.parametrize("name", REAL)
def test_the_module_lists_its_variables_for_further_training(name: str) -> None:
    assert 0 < len(direct(name).trainable_variables) < len(direct(name).variables)
    assert list(direct(name).regularization_losses) == []


def test_exporting_the_same_weights_again_gives_the_same_space(tmp_path: Path) -> None:
    from lookalike_worker.runtimes.hub_encoder import HubEncoder

    again = HubEncoder(resolve("efficientnet_lite0", untrained=False, cache=tmp_path))
    assert again.space == loaded("efficientnet_lite0").space
