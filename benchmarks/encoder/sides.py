"""What is compared: the naive way, OpenVINO by hand, and the product with each runtime."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from lookalike.features import Features
from lookalike.settings import Settings
from lookalike_worker.encoder import Batch
from lookalike_worker.encoders import load_module
from lookalike_worker.graphs.checkpoint import read_checkpoint
from lookalike_worker.modules.module import Module

Encode = Callable[[Batch], Features]

# What `--only` takes; the product's own are `default` or RUNTIME-PRECISION.
NAIVE, BARE, DEFAULT = "predict", "openvino-by-hand", "default"
_RUNTIMES = {
    "openvino-fp32": "openvino",
    "tensorflow-bf16": "tensorflow",
    "tensorflow-frozen-bf16": "tensorflow",
    "jax-bf16": "jax",
}


def sides() -> list[str]:
    """All sides whose packages are installed."""
    present = [name for name, package in _RUNTIMES.items() if find_spec(package)]
    return [NAIVE, *([BARE] if find_spec("openvino") else []), DEFAULT, *present]


def load_side(name: str, module: Module, settings: Settings) -> Encode:
    """Load a side; its first calls may still compile."""
    if name == NAIVE:
        return _naive(module)
    if name == BARE:
        return _by_hand(module, settings)
    if name == DEFAULT:
        return _product(module, settings)
    runtime, _, precision = name.rpartition("-")
    chosen = settings.model_copy(update={"runtime": runtime, "precision": precision})
    return _product(module, chosen)


def _product(module: Module, settings: Settings) -> Encode:
    encoder = load_module(module, settings)
    encoder.warm_up()
    return encoder.encode


def _naive(module: Module) -> Encode:
    """`model.predict` of the Keras model with the module's weights."""
    from lookalike_worker.graphs.efficientnet_lite0 import efficientnet_lite0_graph
    from lookalike_worker.graphs.nasnet_large import nasnet_large_graph

    graphs: dict[str, Callable[[], Any]] = {
        "nasnet_large": nasnet_large_graph,
        "efficientnet_lite0": efficientnet_lite0_graph,
    }
    model = graphs[module.architecture]()
    stored = read_checkpoint(module.directory / "variables" / "variables")
    for index, variable in enumerate(model.variables):
        variable.assign(stored[f"variables/{index}/.ATTRIBUTES/VARIABLE_VALUE"])
    return lambda batch: model.predict(batch, batch_size=len(batch), verbose=0)


def _by_hand(module: Module, settings: Settings) -> Encode:
    """The module read and compiled by OpenVINO as its documentation does, in bf16."""
    import openvino as ov

    core = ov.Core()
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16"}
    if settings.threads:
        options["INFERENCE_NUM_THREADS"] = settings.threads
    compiled: dict[int, Any] = {}

    def encode(batch: Batch) -> Features:
        if len(batch) not in compiled:
            model = core.read_model(str(module.directory))
            model.reshape(list(batch.shape))
            compiled[len(batch)] = core.compile_model(model, "CPU", options)
        features: Features = np.array(compiled[len(batch)]([batch])[0])
        return features

    return encode
