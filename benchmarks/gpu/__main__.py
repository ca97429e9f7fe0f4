"""NASNet-A Large on one accelerator: images/s of JAX and TensorFlow, with the roofline beside.

    python -m benchmarks.gpu [--batches 128,256,512,64,32] [--minutes 9] [--cache FOLDER]

Runs from a plain checkout with JAX, NumPy and Keras's wheels (docs/gpu.md lists
them); TensorFlow is measured where it is installed and has the GPU. Weights are
seeded and untrained. All variants run at the first batch size, the fastest
faithful one at the others, and then with images that come from the host. No
measurement is begun after `--minutes`; compiled programs are kept in `--cache`,
so a second run goes further. Without a GPU it says so, and ends with status 0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import benchmarks.gpu.checkout  # noqa: F401  before the worker's modules
from benchmarks.gpu.graphs import ENCODERS
from benchmarks.machine import machine


def main() -> None:
    given = _arguments()
    # Keras decides when it is imported. TensorFlow is to find memory when its turn comes.
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    print(machine())
    device, problem = _device(allow_cpu=given.allow_cpu)
    if problem:
        print(f"{problem}: nothing was measured.")
        print(json.dumps({"gpu": False, "reason": problem}))
        return
    print(f"{_driver()}{device}")
    # It imports JAX and Keras.
    from benchmarks.gpu.run import Run

    figures = Run(given, device).figures()
    print(json.dumps({"gpu": not given.allow_cpu, **figures}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--batches", type=_numbers, default=[128, 256, 512, 64, 32])
    parser.add_argument("--encoder", choices=ENCODERS, default="nasnet_large")
    parser.add_argument("--variants", help="names, separated by commas; default: all")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--cache", type=Path)
    # To see that it starts where there is no GPU; its figures mean nothing.
    parser.add_argument("--allow-cpu", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _device(*, allow_cpu: bool) -> tuple[str, str]:
    """What JAX computes on, or why there is nothing to measure."""
    missing = [name for name in ("jax", "keras") if find_spec(name) is None]
    if missing:
        return "", f"{' and '.join(missing)} cannot be imported"
    import jax

    if allow_cpu:
        return f"JAX {jax.__version__} on the processor, for a trial only", ""
    try:
        gpu = jax.devices("gpu")[0]
    except RuntimeError:
        return "", f"JAX {jax.__version__} finds no GPU here"
    return f"JAX {jax.__version__} on {gpu.device_kind}", ""


def _driver() -> str:
    """NVIDIA's own words for the GPU, where its tool is installed."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version,power.limit"]
    try:
        told = subprocess.run(
            [*query, "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{told.stdout.strip()}\n"


if __name__ == "__main__":
    main()
