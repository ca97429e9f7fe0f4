"""What it costs to decode in processes apart: `python -m benchmarks.decoding [--images FOLDER]`.

Both sides in turns, each with as many threads as a worker fetches with: in
these threads themselves, as the worker did before, and by a pool of decoder
processes, without and with thumbnails. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.machine import machine
from lookalike.settings import Settings
from lookalike_worker.decoding.picture import decode_image
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.wire import Limits
from lookalike_worker.runtimes.machine import usable_cores

IMAGES = Path(__file__).parents[2] / "shared" / "images"
SIZE = 331
THUMBNAIL_PX = 256
MAX_PIXELS = 50_000_000
# Enough that starting and ending the threads does not count.
_LEAST_S = 1.5

Decode = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Rate:
    """Images a second by the clock, and what one takes of the processors, all processes together.

    On a machine that does other work too, the second says more than the first.
    """

    images_per_s: float
    cpu_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    figures: dict[str, object] = {"machine": machine(), "n_processes": usable_cores()}
    with DecoderPool(Limits.of(max_pixels=MAX_PIXELS), n_processes=usable_cores()) as pool:
        pool.start()
        pool.wait_until_ready()
        for name, pictures in _groups(given.images).items():
            print(f"{name}: {_shape(pictures)}")
            rates = _measured(pool, pictures, given.rounds)
            for side, rate in rates.items():
                print(f"  {side:10} {rate.images_per_s:7.1f} images/s, {rate.cpu_ms:6.2f} ms")
                figures[f"{name}_{side}_images_per_s"] = round(rate.images_per_s, 1)
                figures[f"{name}_{side}_cpu_ms"] = round(rate.cpu_ms, 2)
            apart, threads = rates["apart"], rates["threads"]
            figures[f"{name}_ratio"] = round(apart.images_per_s / threads.images_per_s, 3)
            figures[f"{name}_cpu_ratio"] = round(apart.cpu_ms / threads.cpu_ms, 3)
    print(json.dumps(figures))


def _measured(pool: DecoderPool, pictures: Sequence[bytes], rounds: int) -> dict[str, Rate]:
    """The median of the rounds, for each side."""
    sides: dict[str, Decode] = {
        "threads": partial(decode_image, size=SIZE, max_pixels=MAX_PIXELS),
        "apart": partial(pool.decode, size=SIZE),
        "thumbnails": partial(pool.decode, size=SIZE, thumbnail_px=THUMBNAIL_PX),
    }
    found: dict[str, list[Rate]] = {side: [] for side in sides}
    with ThreadPoolExecutor(Settings.load({}).fetch_threads) as threads:
        for _ in range(rounds):
            for side, decode in sides.items():
                found[side].append(_rate(pool, threads, decode, pictures))
    return {
        side: Rate(
            statistics.median(rate.images_per_s for rate in rates),
            statistics.median(rate.cpu_ms for rate in rates),
        )
        for side, rates in found.items()
    }


def _rate(
    pool: DecoderPool, threads: ThreadPoolExecutor, decode: Decode, pictures: Sequence[bytes]
) -> Rate:
    n_images, started, cpu_s = 0, time.perf_counter(), _cpu_s(pool)
    while (seconds := time.perf_counter() - started) < _LEAST_S:
        n_images += sum(1 for _ in threads.map(decode, pictures))
    return Rate(n_images / seconds, 1000 * (_cpu_s(pool) - cpu_s) / n_images)


def _cpu_s(pool: DecoderPool) -> float:
    """What this process and its decoders have computed so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pool.pids]
    ticks = sum(int(user) + int(system) for *_, user, system in (one[:13] for one in fields))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _groups(folder: Path) -> dict[str, list[bytes]]:
    """Photographs as they are, and enlarged to what cameras and telephones give."""
    files = {
        name: sorted((folder / name).rglob("*.jpg"))[::step][:60]
        for name, step in (("caltech101", 25), ("grocery", 15))
    }
    if not all(files.values()):
        raise SystemExit(f"found no JPEGs in {folder}/caltech101 and {folder}/grocery")
    plain = {name: [path.read_bytes() for path in paths] for name, paths in files.items()}
    enlarged = {
        f"{megapixels}mp": [_enlarged(data, megapixels) for data in plain["grocery"][:16]]
        for megapixels in (2, 12)
    }
    return plain | enlarged


def _enlarged(data: bytes, megapixels: int) -> bytes:
    with Image.open(BytesIO(data)) as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        large = image.convert("RGB").resize(
            (round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC
        )
    file = BytesIO()
    large.save(file, "JPEG", quality=90)
    return file.getvalue()


def _shape(pictures: Sequence[bytes]) -> str:
    with Image.open(BytesIO(pictures[0])) as first:
        kb = statistics.mean(map(len, pictures)) / 1000
        return (
            f"{len(pictures)} JPEGs, such as {first.width} × {first.height}, {kb:.0f} kB on average"
        )


if __name__ == "__main__":
    main()
