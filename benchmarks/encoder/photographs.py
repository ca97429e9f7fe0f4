"""How far bf16 is from fp32 on photographs: `python -m benchmarks.encoder.photographs FOLDER`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from lookalike.environment import environment
from lookalike.features import Features
from lookalike.images import find_images
from lookalike.settings import Settings
from lookalike_worker.decoding.picture import decode_image
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.choose import Precision
from lookalike_worker.runtimes.faithfulness import cosines, least_cosine
from lookalike_worker.runtimes.openvino import OpenvinoRuntime

_N_PHOTOGRAPHS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    module = load_module()
    images = photographs(parser.parse_args().folder, module.input_size, _N_PHOTOGRAPHS)
    (reference, _), (ours, least) = (_features(module, images, p) for p in ("fp32", "bf16"))
    found = cosines(ours, reference)
    percentiles = np.percentile(found, (0, 1, 5, 50)).round(5).tolist()
    print(f"{machine()}; {module.space}, {len(images)} photographs, OpenVINO in bf16")
    names = ("min_cosine", "percentile_1", "percentile_5", "median")
    golden = {"golden_min_cosine": round(least, 5)}
    print(json.dumps(golden | dict(zip(names, percentiles, strict=True))))


def load_module() -> Module:
    """The encoder that the environment names; NASNet-A Large untrained where it names none."""
    default = {} if "LOOKALIKE_ENCODER" in environment() else {"LOOKALIKE_UNTRAINED": "1"}
    settings = Settings.load(default | environment())
    return resolve(settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders")


def photographs(folder: Path, size: int, n: int) -> list[Batch]:
    """Up to n pictures from all over a folder, as batches of one."""
    paths = find_images(folder)
    chosen = paths[:: max(1, len(paths) // n)][:n]
    pixels = [
        decode_image(path.read_bytes(), size=size, max_pixels=10**8).pixels for path in chosen
    ]
    return [one[None].astype(np.float32) / np.float32(255) for one in pixels]


def _features(module: Module, images: list[Batch], precision: Precision) -> tuple[Features, float]:
    runtime = OpenvinoRuntime(module, precision=precision, n_threads=2)
    least = least_cosine(runtime, module)
    return np.concatenate([runtime.run(image) for image in images]), least


if __name__ == "__main__":
    main()
