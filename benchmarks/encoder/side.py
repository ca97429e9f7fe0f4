"""One side in a process of its own; it is told over standard input what to run, and answers."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.encoder.sides import load_side
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.sources import resolve
from lookalike_worker.runtimes.faithfulness import cosines


def main() -> None:
    """Load the side that the arguments name, then answer a line for each line."""
    configure_logs(level=logging.ERROR)
    settings = Settings.load()
    module = resolve(
        settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders"
    )
    encode = load_side(sys.argv[1], module, settings)
    images = golden_images(module.input_size)
    ours = np.concatenate([encode(images[i : i + 1]) for i in range(len(images))])
    _answer({"cosine": float(cosines(ours, module.golden).min())})
    for line in sys.stdin:
        n = int(line)
        batch = np.resize(images, (n, *images.shape[1:]))
        started = time.perf_counter()
        encode(batch)
        _answer({"seconds": time.perf_counter() - started, "peak_rss_mib": _peak_rss_mib()})


def _peak_rss_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _answer(answer: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
