"""How fast each runtime of this machine serves an encoder; each in a process of its own."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from lookalike.environment import environment
from lookalike.errors import LookalikeError
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.encoders import load_module
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.faithfulness import cosines
from lookalike_worker.runtimes.machine import Machine

_N_RUNS = 3

# On Linux, getrusage counts kibibytes.
_MAXRSS_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one runtime; `refusal` is why it does not serve, else empty.

    `images_per_s` is by the number of images given at once, `batch_size` what
    the runtime made of them, `cosine` the least to the fp32 reference on the
    golden images.
    """

    runtime: str
    refusal: str = ""
    batch_size: int = 0
    images_per_s: dict[int, float] | None = None
    peak_rss_mib: float = 0.0
    cosine: float = 0.0


_FIGURES = TypeAdapter(Figures)


def runtimes_of(machine: Machine, *, architecture: str) -> Iterator[tuple[str, str]]:
    """Runtimes with precisions that a machine could serve a module with, the likeliest first."""
    precisions = ("bf16", "fp32") if machine.has_fast_bf16 or machine.gpus else ("fp32",)
    for runtime, package in (
        ("openvino", "openvino"),
        ("tensorflow", "tensorflow"),
        ("jax", "jax"),
    ):
        if package in machine.packages and (runtime != "jax" or architecture):
            yield from ((runtime, precision) for precision in precisions)


def measure_apart(settings: Settings, batches: tuple[int, ...]) -> Figures:
    """Measure the runtime and precision that the settings name, in another process."""
    name = f"{settings.runtime}-{settings.precision}"
    done = subprocess.run(
        [sys.executable, "-m", "lookalike_worker.bench.measuring", *map(str, batches)],
        env=environment() | settings.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        return Figures(name, refusal=last[0][:200])
    return _FIGURES.validate_json(done.stdout.splitlines()[-1])


def _measure(settings: Settings, batches: tuple[int, ...]) -> Figures:
    name = f"{settings.runtime}-{settings.precision}"
    module = resolve(
        settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders"
    )
    try:
        encoder = load_module(module, settings)
        encoder.warm_up()
    except LookalikeError as error:
        return Figures(name, refusal=str(error))
    images = golden_images(module.input_size)
    cosine = float(cosines(encoder.encode(images), module.golden).min())
    rates = {}
    for n in batches:
        batch = np.resize(images, (n, *images.shape[1:]))
        rates[n] = n / statistics.median(_seconds(encoder.encode, batch) for _ in range(_N_RUNS))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / 2**20
    return Figures(name, "", encoder.batch_size, rates, peak, cosine)


def _seconds(encode: object, batch: object) -> float:
    assert callable(encode)
    started = time.perf_counter()
    encode(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    configure_logs(level=40)
    figures = _measure(Settings.load(), tuple(map(int, sys.argv[1:])))
    sys.stdout.write(json.dumps(_FIGURES.dump_python(figures)) + "\n")
