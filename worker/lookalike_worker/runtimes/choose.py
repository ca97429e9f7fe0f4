"""Which runtime serves a module on a machine, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from lookalike.errors import InvalidSetting
from lookalike_worker.runtimes.machine import Machine

Precision = Literal["bf16", "fp32"]
RuntimeName = Literal["openvino", "tensorflow", "tensorflow-frozen", "jax"]

_PACKAGES: dict[RuntimeName, str] = {
    "openvino": "openvino",
    "tensorflow": "tensorflow",
    "tensorflow-frozen": "tensorflow",
    "jax": "jax",
}
_INSTALLS: dict[RuntimeName, str] = {
    "openvino": "pip install 'lookalike[openvino]'",
    "tensorflow": "pip install 'lookalike[worker]'",
    "tensorflow-frozen": "pip install 'lookalike[worker]'",
    "jax": "pip install 'lookalike[jax]'",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A runtime, how it computes and where; `reason` says in words why it was taken."""

    runtime: RuntimeName
    precision: Precision
    on_gpu: bool
    reason: str

    def in_fp32(self, reason: str) -> Choice:
        """The same runtime in fp32, for one more reason."""
        return replace(self, precision="fp32", reason=f"{self.reason}; but fp32, since {reason}")


def choose(
    machine: Machine,
    *,
    architecture: str,
    runtime: RuntimeName | Literal["auto"] = "auto",
    precision: Precision | Literal["auto"] = "auto",
) -> Choice:
    """The fastest faithful runtime that the machine has, or the one that is asked for.

    `architecture` is the module's: JAX runs only graphs that Keras can build.
    Raises InvalidSetting where the one asked for is not installed.
    """
    if runtime == "auto":
        name, reason = _fastest(machine, architecture)
    else:
        name, reason = runtime, "LOOKALIKE_RUNTIME asks for it"
        _require(machine, name)
    on_gpu = _PACKAGES[name] in machine.gpus
    if precision != "auto":
        return Choice(
            name, precision, on_gpu, f"{reason}; LOOKALIKE_PRECISION asks for {precision}"
        )
    best, why = _best_precision(machine, on_gpu=on_gpu)
    return Choice(name, best, on_gpu, f"{reason}; {why}")


def _fastest(machine: Machine, architecture: str) -> tuple[RuntimeName, str]:
    if "tensorflow" in machine.gpus:
        return "tensorflow", f"TensorFlow has a GPU here, {machine.gpus['tensorflow']}"
    if "jax" in machine.gpus and architecture:
        return "jax", f"JAX has a GPU here, {machine.gpus['jax']}, and TensorFlow has none"
    no_gpu = (
        "no installed runtime can use the GPU here" if machine.has_gpu_driver else "no GPU is here"
    )
    if "openvino" in machine.packages:
        return "openvino", f"{no_gpu}, and OpenVINO is the fastest on a processor"
    if "tensorflow" in machine.packages:
        return "tensorflow", (
            f"{no_gpu}, and OpenVINO is not installed: {_INSTALLS['openvino']} is faster"
        )
    if "jax" in machine.packages and architecture:
        return "jax", f"{no_gpu}, and neither OpenVINO nor TensorFlow is installed"
    raise InvalidSetting(
        "found no runtime for encoders; expected OpenVINO, TensorFlow or JAX: "
        "pip install 'lookalike[worker,openvino]'",
        value="auto",
    )


def _best_precision(machine: Machine, *, on_gpu: bool) -> tuple[Precision, str]:
    if on_gpu:
        return "bf16", "16-bit arithmetic, which the GPU has"
    if machine.has_fast_bf16:
        return "bf16", "bf16, which the processor multiplies itself"
    return "fp32", "fp32, since the processor has neither AMX nor AVX512-BF16"


def _require(machine: Machine, name: RuntimeName) -> None:
    if _PACKAGES[name] not in machine.packages:
        raise InvalidSetting(
            f"LOOKALIKE_RUNTIME is {name!r}, and {_PACKAGES[name]} is not installed; expected "
            f"it beside lookalike: {_INSTALLS[name]}, or set LOOKALIKE_RUNTIME=auto",
            value=name,
        )
