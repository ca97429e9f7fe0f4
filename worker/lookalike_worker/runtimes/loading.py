"""Building the runtime that was chosen; each is imported only when it is wanted."""

from __future__ import annotations

from dataclasses import replace

from lookalike_worker.modules.module import Module
from lookalike_worker.runtimes.choose import Choice
from lookalike_worker.runtimes.machine import Machine
from lookalike_worker.runtimes.runtime import Runtime


def ask_for_gpus(machine: Machine) -> Machine:
    """Fill in which packages can use a GPU; without a driver none is imported, and none can."""
    if not machine.has_gpu_driver:
        return machine
    gpus: dict[str, str] = {}
    if "tensorflow" in machine.packages:
        from lookalike_worker.runtimes import tensorflow

        gpus["tensorflow"] = tensorflow.gpu_name()
    # To ask JAX is to start it, and it takes three quarters of the GPU's memory: only where
    # TensorFlow, which comes first, does not want it.
    if "jax" in machine.packages and not gpus.get("tensorflow"):
        from lookalike_worker.runtimes import keras_on_jax

        gpus["jax"] = keras_on_jax.gpu_name()
    return replace(machine, gpus={package: name for package, name in gpus.items() if name})


def load_runtime(module: Module, choice: Choice, *, n_threads: int) -> Runtime:
    """Load a module into the runtime that was chosen.

    Raises WeightsMissing where the runtime cannot read the module.
    """
    match choice.runtime:
        case "openvino":
            from lookalike_worker.runtimes.openvino import OpenvinoRuntime

            return OpenvinoRuntime(module, precision=choice.precision, n_threads=n_threads)
        case "jax":
            from lookalike_worker.runtimes.keras_on_jax import JaxRuntime

            return JaxRuntime(module, precision=choice.precision)
        case "tensorflow" | "tensorflow-frozen":
            from lookalike_worker.runtimes.tensorflow import TensorflowRuntime

            return TensorflowRuntime(
                module,
                precision=choice.precision,
                on_gpu=choice.on_gpu,
                n_threads=n_threads,
                is_frozen=choice.runtime == "tensorflow-frozen",
            )
