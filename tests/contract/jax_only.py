"""What is JAX's own, beside the contract of every runtime.

Keras computes with one backend for the life of a process, so `test_on_jax` runs these in one of
their own: `KERAS_BACKEND=jax pytest tests/contract/jax_only.py`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lookalike.errors import EncoderExhausted, Misconfigured, WeightsMissing
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.faithfulness import cosines

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "encoders"


@cache
def module() -> Module:
    return resolve("efficientnet_lite0", untrained=False, cache=CACHE)


@cache
def in_bfloat16() -> Any:
    from lookalike_worker.runtimes.keras_on_jax import JaxRuntime

    loaded = JaxRuntime(module(), precision="bf16")
    loaded.prepare(2)
    return loaded


def test_features_in_bfloat16_are_nearly_those_of_tensorflow() -> None:
    golden = module().golden[:2]
    features = in_bfloat16().run(golden_images(module().input_size)[:2])
    assert 0.997 < cosines(features, golden).min() < 0.99999
    assert features.flags.writeable


def test_the_name_is_stable_and_the_description_tells_the_rest() -> None:
    assert in_bfloat16().name == "jax-bf16"
    assert "in bfloat16 on" in in_bfloat16().description


def test_a_module_without_a_graph_of_ours_is_sent_to_another_runtime() -> None:
    from lookalike_worker.runtimes.keras_on_jax import JaxRuntime

    with pytest.raises(Misconfigured, match="LOOKALIKE_RUNTIME to openvino or tensorflow"):
        JaxRuntime(replace(module(), architecture=""), precision="fp32")


def test_variables_that_do_not_fit_the_graph_are_refused() -> None:
    from lookalike_worker.runtimes.keras_on_jax import JaxRuntime

    with pytest.raises(WeightsMissing, match="do not fit the 1544 of nasnet_large"):
        JaxRuntime(replace(module(), architecture="nasnet_large"), precision="fp32")


def test_running_out_of_memory_is_exhaustion_and_nothing_else_is() -> None:
    import jax

    from lookalike_worker.runtimes.keras_on_jax import Program

    def failing(message: str) -> Any:
        def compiled(*_: object) -> Any:
            raise jax.errors.JaxRuntimeError(message)

        return Program(compiled, [], batch_size=8)

    with pytest.raises(EncoderExhausted, match="batch of 8 images"):
        failing("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")(None)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        failing("INTERNAL: no kernel")(None)
