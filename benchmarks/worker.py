"""The product's worker, which also measures its encoder alone, before its first job and after
its last: `python -m benchmarks.worker FILE [--paced]`. The other benchmarks start it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.paced import BATCH_SIZE, DIMENSIONS, INPUT_SIZE, Paced
from lookalike.features import FeatureSpace
from lookalike.settings import Settings
from lookalike.telemetry.logs import configure_logs
from lookalike_worker.app import run_worker
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.encoder import Encoder
from lookalike_worker.encoders import load_encoder
from lookalike_worker.golden import golden_images
from lookalike_worker.pipeline import Parts

# For each of both measurements, of a batch and of a single image.
_BARE_S = 3.0


@dataclass(frozen=True, slots=True)
class Bare:
    """What the encoder takes alone, in the worker's own process: seconds a call."""

    batch_size: int
    batch_s: list[float]
    single_s: list[float]

    @property
    def images_per_s(self) -> float:
        return self.batch_size * len(self.batch_s) / sum(self.batch_s)

    @classmethod
    def measure(cls, encoder: Encoder) -> Bare:
        n = encoder.batch_size
        images = golden_images(encoder.input_size)
        batch = np.resize(images, (n, *images.shape[1:]))
        return cls(
            n,
            _repeated(lambda: encoder.encode(batch)),
            _repeated(lambda: encoder.encode(images[:1])),
        )

    @classmethod
    def read(cls, file: Path) -> list[Bare]:
        """The measurements that a worker has left so far."""
        return [cls(**json.loads(line)) for line in file.read_text().splitlines()]


class PacedEncoder(Paced):
    """The paced encoder with what the worker wants to know of one."""

    space = FeatureSpace("paced", hashlib.sha256(b"paced").hexdigest(), DIMENSIONS, trained=False)
    description = "an encoder that only takes its time"
    runtime = "paced"
    reference = None
    directory: Path | None = None
    input_size = INPUT_SIZE
    batch_size = BATCH_SIZE

    def warm_up(self) -> None:
        """There is nothing to prepare."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--paced", action="store_true")
    given = parser.parse_args()
    configure_logs()
    settings = Settings.load()
    encoder: Encoder = PacedEncoder() if given.paced else load_encoder(settings)
    encoder.warm_up()
    _append(given.file, Bare.measure(encoder))
    run_worker(settings, load=lambda _: encoder, adapt=_instant if given.paced else lambda p: p)
    _append(given.file, Bare.measure(encoder))


def _instant(parts: Parts) -> Parts:
    """Without fetching and decoding; every image has a key of its own."""
    picture = Decoded(np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8))
    return dataclasses.replace(
        parts, fetch=lambda reference: reference.text.encode(), decode=lambda *_: picture
    )


def _repeated(call: Callable[[], object]) -> list[float]:
    """Seconds of each call, for some seconds."""
    call()
    seconds: list[float] = []
    for _ in itertools.takewhile(lambda _: sum(seconds) < _BARE_S, itertools.count()):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


def _append(file: Path, bare: Bare) -> None:
    with file.open("a") as opened:
        opened.write(json.dumps(dataclasses.asdict(bare)) + "\n")


if __name__ == "__main__":
    main()
