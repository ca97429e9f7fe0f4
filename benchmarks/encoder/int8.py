"""Whether int8 would do: `python -m benchmarks.encoder.int8 FOLDER` (needs `pip install nncf`).

Quantizes the module with NNCF on photographs of a folder, once as it comes
and once with NNCF's accuracy control, which gives operations back to floating
point until the cosine to fp32 holds, and prints what remains of the gain. It
is not a dependency: nothing of the product uses int8.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from benchmarks.encoder.photographs import load_module, photographs
from benchmarks.machine import machine
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.golden import LEAST_COSINE
from lookalike_worker.runtimes.faithfulness import cosines
from lookalike_worker.runtimes.openvino_graph import fold_crops

_N_CALIBRATION, _N_TEST, _N_CONTROL = 24, 24, 24
_OPTIONS = {"INFERENCE_PRECISION_HINT": "bf16", "ENABLE_CPU_PINNING": False}


def main() -> None:
    import nncf  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--with-control", action="store_true", help="takes more than a quarter of an hour"
    )
    arguments = parser.parse_args()
    module = load_module()
    model = ov.Core().read_model(str(module.directory))
    fold_crops(model)
    model.reshape([1, module.input_size, module.input_size, 3])
    images = photographs(arguments.folder, module.input_size, _N_CALIBRATION + _N_TEST)
    calibration, test = images[::2], images[1::2]
    reference = _features(model, test, INFERENCE_PRECISION_HINT="f32")
    print(machine())
    result = _report("bf16", model, test, reference)
    data = nncf.Dataset(calibration)
    quantized = nncf.quantize(model, data, subset_size=len(calibration))
    result |= _report("int8", quantized, test, reference)
    if arguments.with_control:
        least = _least(_features(model, calibration, INFERENCE_PRECISION_HINT="f32"))
        controlled = nncf.quantize_with_accuracy_control(
            model,
            calibration_dataset=data,
            validation_dataset=nncf.Dataset(list(enumerate(calibration[:_N_CONTROL]))),
            validation_fn=least,
            max_drop=1 - LEAST_COSINE,
        )
        result |= _report("int8_with_control", controlled, test, reference)
    print(json.dumps(result))


def _least(reference: Features) -> Callable[..., tuple[float, None]]:
    """The accuracy that NNCF is to keep: the least cosine to fp32."""

    def validate(compiled: Any, items: Iterable[tuple[int, Batch]]) -> tuple[float, None]:
        numbered = list(items)
        ours = np.concatenate([compiled([image])[0].copy() for _, image in numbered])
        return float(cosines(ours, reference[[index for index, _ in numbered]]).min()), None

    return validate


def _features(model: ov.Model, images: list[Batch], **options: object) -> Features:
    compiled = ov.compile_model(model, "CPU", _OPTIONS | options)
    return np.concatenate([compiled([image])[0].copy() for image in images])


def _report(
    name: str, model: ov.Model, images: list[Batch], reference: Features
) -> dict[str, float]:
    compiled = ov.compile_model(model, "CPU", _OPTIONS)
    compiled([images[0]])
    started = time.perf_counter()
    ours = np.concatenate([compiled([image])[0].copy() for image in images])
    rate = len(images) / (time.perf_counter() - started)
    least = float(cosines(ours, reference).min())
    verdict = "serves" if least >= LEAST_COSINE else "refused"
    print(f"{name}: {rate:.2f} images/s one by one, least cosine {least:.5f}: {verdict}")
    return {f"{name}_images_per_s": round(rate, 2), f"{name}_min_cosine": round(least, 5)}


if __name__ == "__main__":
    main()
