"""What HubEncoder makes of modules that are not ours: small ones, exported here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike_worker.modules.sources import Module
from lookalike_worker.quiet_tensorflow import tf
from lookalike_worker.runtimes.hub_encoder import HubEncoder


def small_module(folder: Path, *, size: int | None, name: str = "small", rank: int = 2) -> Module:
    """Mean colours times a weight, for pictures of one size or (None) of any."""
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable([1.0, 2.0, 3.0])]
    spec = tf.TensorSpec((None, size, size, 3), tf.float32)
    axes = (1, 2) if rank == 2 else (1,)
    root.__call__ = tf.function(
        lambda images: tf.reduce_mean(images, axes) * root.variables[0], input_signature=[spec]
    )
    tf.saved_model.save(root, str(folder))
    return Module(folder, name, trained=True)


def test_the_input_size_is_read_from_the_module(tmp_path: Path) -> None:
    encoder = HubEncoder(small_module(tmp_path / "m", size=48))
    assert (encoder.input_size, encoder.space.dimensions) == (48, 3)
    white = np.ones((2, 48, 48, 3), np.float32)
    np.testing.assert_allclose(encoder.encode(white), [[1, 2, 3]] * 2, rtol=1e-5)


@pytest.mark.parametrize(("name", "size"), [("nasnet_large", 331), ("anything", 224)])
def test_a_module_for_any_size_gets_the_size_it_is_known_for(
    tmp_path: Path, name: str, size: int
) -> None:
    assert HubEncoder(small_module(tmp_path / "m", size=None, name=name)).input_size == size


def test_the_space_does_not_depend_on_where_the_module_lies(tmp_path: Path) -> None:
    here, there = (HubEncoder(small_module(tmp_path / f, size=48)) for f in "ab")
    assert here.space == there.space


def test_running_out_of_memory_is_exhaustion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HubEncoder(small_module(tmp_path / "m", size=48))

    def exhausted(_: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(encoder, "_call", exhausted)
    with pytest.raises(EncoderExhausted, match="LOOKALIKE_BATCH_SIZE"):
        encoder.encode(np.zeros((2, 48, 48, 3), np.float32))


def test_a_damaged_module_is_missing_weights(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(WeightsMissing, match="remove this one if it is damaged"):
        HubEncoder(Module(tmp_path, "small", trained=True))


def test_a_module_that_gives_no_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="array of shape"):
        HubEncoder(small_module(tmp_path / "m", size=48, rank=3))
