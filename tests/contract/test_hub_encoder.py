"""What HubEncoder makes of modules that are not ours: small ones, exported here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.quiet_tensorflow import tf
from lookalike_worker.runtimes.hub_encoder import HubEncoder
from tests.contract.exported import export_small


def small_module(folder: Path) -> Module:
    """Mean colours times a weight, for pictures of one size."""
    return resolve(str(export_small(folder / "m")), untrained=False, cache=folder / "cache")


def test_running_out_of_memory_is_exhaustion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HubEncoder(small_module(tmp_path))

    def exhausted(_: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(encoder, "_call", exhausted)
    with pytest.raises(EncoderExhausted, match="LOOKALIKE_BATCH_SIZE"):
        encoder.encode(np.zeros((2, 48, 48, 3), np.float32))
