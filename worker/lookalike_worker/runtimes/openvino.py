"""OpenVINO on a processor: the wall around it. It reads a SavedModel without TensorFlow."""

from __future__ import annotations

import openvino as ov

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.module import Module
from lookalike_worker.runtimes.choose import Precision
from lookalike_worker.runtimes.openvino_graph import fold_crops

# OpenVINO's names of precisions.
_HINTS: dict[Precision, str] = {"bf16": "bf16", "fp32": "f32"}


class OpenvinoRuntime:
    """A module compiled by OpenVINO, once for each batch size."""

    has_fixed_shapes = True

    def __init__(self, module: Module, *, precision: Precision, n_threads: int) -> None:
        """Read the module; raises WeightsMissing where OpenVINO cannot translate its graph."""
        self.name = f"openvino-{precision}"
        self._core = ov.Core()
        device = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        self.description = (
            f"OpenVINO {ov.__version__.partition('-')[0]} in {precision} on {device}, "
            f"{n_threads} threads"
        )
        self._size = module.input_size
        self._options = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": n_threads,
            "NUM_STREAMS": 1,
            # With it, workers side by side pin their threads to the same cores: two of one
            # thread each gave half the images/s that they give without.
            "ENABLE_CPU_PINNING": False,
        }
        self._requests: dict[int, ov.InferRequest] = {}
        try:
            self._model = self._core.read_model(str(module.directory))
        except RuntimeError as error:
            raise WeightsMissing(
                f"OpenVINO cannot read the module in {module.directory} ({_first_line(error)}); "
                "expected operations that it knows: set LOOKALIKE_RUNTIME=tensorflow",
                value=str(module.directory),
            ) from error
        fold_crops(self._model)

    def prepare(self, batch_size: int) -> None:
        if batch_size in self._requests:
            return
        model = self._model.clone()
        model.reshape([batch_size, self._size, self._size, 3])
        try:
            compiled = self._core.compile_model(model, "CPU", self._options)
            self._requests[batch_size] = compiled.create_infer_request()
        except (RuntimeError, MemoryError) as error:
            raise _translated(error, batch_size) from error

    def release(self, batch_size: int) -> None:
        self._requests.pop(batch_size, None)

    def run(self, batch: Batch) -> Features:
        request = self._requests[len(batch)]
        try:
            request.infer({0: batch}, share_inputs=True)
        except (RuntimeError, MemoryError) as error:
            raise _translated(error, len(batch)) from error
        # A copy: the next run writes into the same memory.
        features: Features = request.get_output_tensor(0).data.astype("float32", copy=True)
        return features


def _translated(error: Exception, batch_size: int) -> Exception:
    """EncoderExhausted for what ran out of memory; OpenVINO has no type of its own for it."""
    is_memory = isinstance(error, MemoryError) or any(
        sign in str(error) for sign in ("bad_alloc", "could not allocate", "Can't allocate")
    )
    if not is_memory:
        return error
    return EncoderExhausted(
        f"OpenVINO ran out of memory with a batch of {batch_size} images; expected it to fit: "
        "free some memory, or set LOOKALIKE_BATCH_SIZE to a smaller number",
        value=batch_size,
    )


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else type(error).__name__
