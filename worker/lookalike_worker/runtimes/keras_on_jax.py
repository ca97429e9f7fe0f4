"""JAX through Keras 3: the wall around JAX. It needs no TensorFlow.

A module's weights are put into the Keras graph that its label names. XLA takes
three quarters of a GPU's memory when it starts, unless the operator sets
XLA_PYTHON_CLIENT_PREALLOCATE=false.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from lookalike.environment import set_variable
from lookalike.errors import EncoderExhausted, Misconfigured, WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.graphs.checkpoint import read_checkpoint
from lookalike_worker.modules.module import Module
from lookalike_worker.quiet_start import quiet_start
from lookalike_worker.runtimes.choose import Precision

Weights = Sequence[npt.NDArray[np.generic]]

_WORDS: dict[Precision, str] = {"bf16": "bfloat16", "fp32": "float32"}


def gpu_name() -> str:
    """What JAX calls the GPU that it can use here; empty where there is none."""
    try:
        return str(jax.devices("gpu")[0].device_kind)
    except RuntimeError:
        return ""


class JaxGraph:
    """A Keras graph whose weights are on the device; each batch size is a program of its own."""

    def __init__(self, model: Any, weights: Weights, *, narrow_kernels: bool) -> None:
        """Take values in the order of `model.variables`; narrow kernels are kept in bfloat16."""
        self._model = model
        self._weights = [
            jnp.asarray(value, jnp.bfloat16 if narrow_kernels and value.ndim == 4 else value.dtype)
            for value in weights
        ]

    def compile(self, batch_size: int, pixels: Literal["float32", "uint8"] = "float32") -> Program:
        """Give the program for batches of RGB in [0, 1], or of grey levels where they are uint8.

        Raises EncoderExhausted where memory runs out.
        """
        shape = (batch_size, *self._model.input_shape[1:])
        images = jax.ShapeDtypeStruct(shape, jnp.dtype(pixels))  # type: ignore[no-untyped-call]
        try:
            compiled = jax.jit(self._forward).lower(self._weights, images).compile()
        except jax.errors.JaxRuntimeError as error:
            raise _translated(error, batch_size) from error
        return Program(compiled, self._weights, batch_size)

    def _forward(self, weights: list[jax.Array], images: jax.Array) -> jax.Array:
        if images.dtype == jnp.uint8:
            images = images.astype(jnp.float32) / 255
        model = self._model
        values = {id(v): w for v, w in zip(model.variables, weights, strict=True)}
        features, _ = model.stateless_call(
            [values[id(variable)] for variable in model.trainable_variables],
            [values[id(variable)] for variable in model.non_trainable_variables],
            images,
            training=False,
        )
        narrow: jax.Array = features
        return narrow.astype(jnp.float32)


class Program:
    """What XLA made of a graph for one batch size; `compiled` also tells what it costs."""

    def __init__(self, compiled: Any, weights: Sequence[jax.Array], batch_size: int) -> None:
        self.compiled = compiled
        self._weights = weights
        self._batch_size = batch_size

    def __call__(self, images: Any) -> jax.Array:
        """Start on images that are here or on the device; the features may still be on their way.

        Raises EncoderExhausted where memory runs out.
        """
        try:
            features: jax.Array = self.compiled(self._weights, images)
        except jax.errors.JaxRuntimeError as error:
            raise _translated(error, self._batch_size) from error
        return features

    def features(self, images: Any) -> Features:
        """Run to the end: features of shape (n, dimensions), float32; errors as in a call."""
        try:
            # A copy: what JAX hands out cannot be written to.
            return np.array(self(images))
        except jax.errors.JaxRuntimeError as error:
            raise _translated(error, self._batch_size) from error


class JaxRuntime:
    """A module's weights in a Keras graph of ours, compiled by XLA for each batch size.

    "fp32" leaves the products of an Ampere GPU or a later one to TF32, as
    TensorFlow does.
    """

    has_fixed_shapes = True

    def __init__(
        self, module: Module, *, precision: Precision, compile_cache: Path | None = None
    ) -> None:
        """Build the graph; compiled programs are kept in `compile_cache` for the next start.

        Raises Misconfigured where no graph of ours fits the module, or where
        Keras was imported with another backend; WeightsMissing where its
        variables cannot be read.
        """
        if compile_cache is not None:
            jax.config.update("jax_compilation_cache_dir", str(compile_cache))  # type: ignore[no-untyped-call]
        self.name = f"jax-{precision}"
        self._graph = _load(module, precision)
        self._programs: dict[int, Program] = {}
        device = jax.devices()[0]
        self.description = (
            f"JAX {jax.__version__} through Keras in {_WORDS[precision]} on "
            f"{device.device_kind if device.platform != 'cpu' else 'the processor'}"
        )

    def prepare(self, batch_size: int) -> None:
        if batch_size not in self._programs:
            self._programs[batch_size] = self._graph.compile(batch_size)

    def release(self, batch_size: int) -> None:
        self._programs.pop(batch_size, None)

    def run(self, batch: Batch) -> Features:
        return self._programs[len(batch)].features(batch)


def _load(module: Module, precision: Precision) -> JaxGraph:
    if "keras" not in sys.modules:
        set_variable("KERAS_BACKEND", "jax")
    # Where TensorFlow is installed too, Keras imports it while it copies a graph.
    with quiet_start():
        from lookalike_worker.graphs.rewriting import Rewriting, empty, rewritten
        from lookalike_worker.quiet_keras import require_backend

        require_backend("jax")
        narrow = precision == "bf16"
        model = rewritten(
            empty(_builder(module)), Rewriting(bf16=narrow, shifts=True, products=True)
        )
    return JaxGraph(model, _weights(module, model), narrow_kernels=narrow)


def _builder(module: Module) -> Callable[[], Any]:
    """The builder of the module's graph; to import it is to import Keras."""
    match module.architecture:
        case "nasnet_large":
            from lookalike_worker.graphs.nasnet_large import nasnet_large_graph

            return nasnet_large_graph
        case "nasnet_large_slim":
            from lookalike_worker.graphs.nasnet_slim import nasnet_large_slim_graph

            return nasnet_large_slim_graph
        case "efficientnet_lite0":
            from lookalike_worker.graphs.efficientnet_lite0 import efficientnet_lite0_graph

            return efficientnet_lite0_graph
    raise Misconfigured(
        f"the module {module.space.name} says {module.architecture!r} of its graph; expected "
        "nasnet_large, nasnet_large_slim or efficientnet_lite0, which Keras builds for JAX: set "
        "LOOKALIKE_RUNTIME to openvino or tensorflow, which run any module",
        value=module.architecture,
    )


def _weights(module: Module, model: Any) -> Weights:
    """The module's variables, in the order of its own list, which must be the graph's."""
    stored = read_checkpoint(module.directory / "variables" / "variables")
    keys = (
        f"variables/{i}/.ATTRIBUTES/VARIABLE_VALUE"
        for i in range(sum(name.startswith("variables/") for name in stored))
    )
    weights = [stored[key] for key in keys if key in stored]
    expected = [tuple(variable.shape) for variable in model.variables]
    if [array.shape for array in weights] != expected:
        raise WeightsMissing(
            f"the {len(weights)} variables of the module in {module.directory} do not fit the "
            f"{len(expected)} of {module.architecture}, or stand in another order; expected "
            "those of a module that lookalike exported: set LOOKALIKE_RUNTIME to openvino or "
            "tensorflow, which need no graph of ours",
            value=str(module.directory),
        )
    return weights


def _translated(error: Exception, batch_size: int) -> Exception:
    """EncoderExhausted for what ran out of memory; XLA has no type of its own for it."""
    if "RESOURCE_EXHAUSTED" not in str(error):
        return error
    return EncoderExhausted(
        f"JAX ran out of memory with a batch of {batch_size} images; expected it to fit: free "
        "some memory of the device, or set LOOKALIKE_BATCH_SIZE to a smaller number",
        value=batch_size,
    )
