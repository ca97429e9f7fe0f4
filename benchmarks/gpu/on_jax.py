"""The measurements on JAX: ceilings of the device, variants, and images that come from the host."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from benchmarks.gpu.seeded import Weights, seeded_weights
from benchmarks.gpu.timing import seconds_a_call
from benchmarks.gpu.variants import Measurement, Variant, least_cosine
from benchmarks.roofline import Ceilings, layers_of
from lookalike_worker.golden import golden_images
from lookalike_worker.graphs.nasnet_large import calibration_pictures
from lookalike_worker.graphs.rewriting import Rewriting, empty, rewritten
from lookalike_worker.runtimes.keras_on_jax import JaxGraph, Program

Features = npt.NDArray[np.float32]

DeviceError = jax.errors.JaxRuntimeError

# float32 products in float32, not in TF32: what every variant is compared with.
_EXACT = "highest"


def keep_programs(folder: Path) -> None:
    """Keep compiled programs in a folder, for the next run on the same kind of device."""
    jax.config.update("jax_compilation_cache_dir", str(folder.resolve()))  # type: ignore[no-untyped-call]


def ceilings(*, side: int, n_bytes: int, budget_s: float) -> Ceilings:
    """Measure a bfloat16 matrix product and a copy, counting bytes read and written."""
    square = jax.random.normal(jax.random.key(0), (side, side), jnp.bfloat16)
    product = jax.jit(lambda a, b: a @ b)
    flops = 2 * side**3 / _seconds(lambda: product(square, square), budget_s)
    # Added to, since XLA does not move what stays as it is.
    numbers = jnp.zeros(n_bytes // 2, jnp.bfloat16)
    copy = jax.jit(lambda a: a + 1)
    return Ceilings(flops, 2 * n_bytes / _seconds(lambda: copy(numbers), budget_s))


def _seconds(call: Callable[[], Any], budget_s: float) -> float:
    return seconds_a_call(call, jax.block_until_ready, budget_s=budget_s)


@dataclass(frozen=True, slots=True)
class Subject:
    """A graph with seeded weights, and its features of the golden images in full float32."""

    model: Any
    weights: Weights
    images: npt.NDArray[np.float32]
    reference: Features
    programs: dict[tuple[str, int, str], Program] = field(default_factory=dict)

    @classmethod
    def of(cls, build: Callable[[], Any]) -> Subject:
        model = empty(build)
        images = golden_images(model.input_shape[1])
        with jax.default_matmul_precision(_EXACT):
            pictures = np.asarray(calibration_pictures(images.shape[1]))
            weights = _calibrated(model, seeded_weights(model), pictures)
            plain = rewritten(model, Rewriting(shifts=True, products=True))
            program = JaxGraph(plain, weights, narrow_kernels=False).compile(len(images))
        return cls(model, weights, images, program.features(images))

    def compile(self, variant: Variant, batch: int, pixels: Any = "float32") -> Program:
        """Compile once: a minute or more for NASNet-A Large."""
        key = (variant.name, batch, pixels)
        if key not in self.programs:
            model = rewritten(self.model, Rewriting(**variant.rewriting))
            graph = JaxGraph(model, self.weights, narrow_kernels=variant.narrow_kernels)
            self.programs[key] = graph.compile(batch, pixels)
        return self.programs[key]

    def measure(self, variant: Variant, batch: int, budget_s: float) -> Measurement:
        """Time a variant on images that are on the device; raises EncoderExhausted."""
        started = time.perf_counter()
        program = self.compile(variant, batch)
        compile_s = time.perf_counter() - started
        images = jax.device_put(self.batch(batch))
        cosine = least_cosine(program.features(images), self.reference)
        seconds = _seconds(lambda: program(images), budget_s)
        return Measurement(
            variant.name,
            batch,
            batch / seconds,
            cosine,
            device_mib=_device_mib(program),
            compile_s=compile_s,
            **_estimates(program),
        )

    def batch(self, n: int) -> npt.NDArray[np.float32]:
        """The golden images, over and over."""
        return np.resize(self.images, (n, *self.images.shape[1:]))


def _calibrated(model: Any, weights: Weights, images: npt.NDArray[np.float32]) -> Weights:
    """Set the moving statistics of the norms to those of some images, shape (n, size, size, 3)."""
    # Compiled with sums of shifts, which some devices compile and run many times as fast.
    copy = rewritten(model, Rewriting(shifts=True, products=True))
    for layer in layers_of(copy):
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0
    others = {id(v): i for i, v in enumerate(copy.variables)}
    trainable, moving = (
        [weights[others[id(v)]] for v in variables]
        for variables in (copy.trainable_variables, copy.non_trainable_variables)
    )
    train = jax.jit(lambda *values: copy.stateless_call(*values, training=True)[1])
    calibrated = list(weights)
    for variable, value in zip(
        copy.non_trainable_variables, train(trainable, moving, images), strict=True
    ):
        calibrated[others[id(variable)]] = np.asarray(value)
    return calibrated


def from_host(subject: Subject, variant: Variant, batch: int, budget_s: float) -> dict[str, float]:
    """Images/s where each batch comes from the host and its features go back.

    As the worker does it (float32, one after the other), and as uint8 with the
    next batch on its way while this one is computed.
    """
    floats = subject.batch(batch)
    plain = subject.compile(variant, batch)
    levels = np.rint(floats * 255).astype(np.uint8)
    scaled = subject.compile(variant, batch, "uint8")
    waiting: list[jax.Array] = []

    def overlapped() -> None:
        waiting.append(scaled(jax.device_put(levels)))
        if len(waiting) > 1:
            np.asarray(waiting.pop(0))

    def in_turns() -> Features:
        return plain.features(floats)

    one = seconds_a_call(in_turns, lambda _: None, budget_s=budget_s)
    two = seconds_a_call(overlapped, lambda _: None, budget_s=budget_s)
    return {"float32": batch / one, "uint8 overlapped": batch / two}


def _device_mib(program: Program) -> float:
    """What the program needs on the device: weights, images, features and all between."""
    sizes = program.compiled.memory_analysis()
    parts = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    return float(sum(getattr(sizes, part, 0) for part in parts)) / 2**20


def _estimates(program: Program) -> dict[str, float]:
    costs = program.compiled.cost_analysis() or {}
    costs = costs[0] if isinstance(costs, list) else costs
    return {
        "xla_flops": float(costs.get("flops", 0)),
        "xla_bytes": float(costs.get("bytes accessed", 0)),
    }
