"""What a runtime's own way of running out of memory, or of refusing a module, becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.quiet_tensorflow import tf
from lookalike_worker.runtimes.openvino import OpenvinoRuntime
from lookalike_worker.runtimes.tensorflow import TensorflowRuntime
from tests.contract.exported import export_small


def small_module(folder: Path) -> Module:
    """Mean colours times a weight, for pictures of one size."""
    return resolve(str(export_small(folder / "m")), untrained=False, cache=folder / "cache")


def test_tensorflow_out_of_memory_is_exhaustion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = TensorflowRuntime(small_module(tmp_path), precision="fp32", on_gpu=False, n_threads=2)

    def exhausted(_: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(runtime, "_call", exhausted)
    with pytest.raises(EncoderExhausted, match="LOOKALIKE_BATCH_SIZE"):
        runtime.run(np.zeros((2, 48, 48, 3), np.float32))


def test_openvino_out_of_memory_is_exhaustion(tmp_path: Path) -> None:
    runtime = OpenvinoRuntime(small_module(tmp_path), precision="fp32", n_threads=2)
    with pytest.raises(EncoderExhausted, match="LOOKALIKE_BATCH_SIZE"):
        runtime.prepare(2**44)


@pytest.mark.parametrize("runtime", [OpenvinoRuntime, TensorflowRuntime])
def test_a_module_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, runtime: type[OpenvinoRuntime] | type[TensorflowRuntime]
) -> None:
    module = small_module(tmp_path)
    (module.directory / "saved_model.pb").write_bytes(b"no protocol buffer")
    options: dict[str, Any] = {"on_gpu": False} if runtime is TensorflowRuntime else {}
    with pytest.raises(WeightsMissing, match=r"LOOKALIKE_RUNTIME=tensorflow|encoder verify"):
        runtime(module, precision="fp32", n_threads=2, **options)
