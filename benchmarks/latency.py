"""How long a query image waits: `python -m benchmarks.latency`.

`Lookalike.embed` of a picture's bytes, one at a time: first with nothing else
to do, against the encoder's own time for a single image; then while the same
worker is full of bulk images, against its time for one bulk batch. The
encoder alone is measured in the worker's process, before and after.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.installation import ROOT, Installation, installed, until
from benchmarks.machine import machine
from lookalike.client import Lookalike
from lookalike.environment import environment
from lookalike.images import find_images

_PHOTOGRAPHS = ROOT.parent / "shared" / "images"
_TIMEOUT_S = 120
# The first ones open connections.
_UNCOUNTED = 5
# Bulk images that are open at least, whatever the encoder: more than a worker takes at once.
_BACKLOG = 1500


def main() -> None:
    given = _arguments()
    print(machine())
    photographs = find_images(given.photographs)
    if not photographs:
        print(f"no photographs in {given.photographs}: give --photographs")
        print(json.dumps({"idle_p50_ratio": None, "busy_p99_ratio": None}))
        return
    untrained = "" if given.encoder == "efficientnet_lite0" else "1"
    with installed(
        encoder=given.encoder,
        untrained=environment().get("LOOKALIKE_UNTRAINED", untrained),
        file_roots=given.photographs.resolve(),
    ) as place:
        print(json.dumps(_measure(place, photographs, given.queries)))


def _measure(place: Installation, photographs: Sequence[Path], n_queries: int) -> dict[str, float]:
    chosen = photographs[:: max(1, len(photographs) // n_queries)]
    pictures = [path.read_bytes() for path in chosen]
    with place.serving():
        # A query needs a collection to be in.
        (first,) = place.client.add_many([photographs[0].resolve()])
        place.client.wait([first])
        idle = _queries(place.client, pictures, n_queries)
        with _Bulk(place, photographs):
            busy = _queries(place.client, pictures, n_queries)
    single_s = statistics.median(s for bare in place.bare for s in bare.single_s)
    batch_s = statistics.median(s for bare in place.bare for s in bare.batch_s)
    figures = {
        "idle_p50_ms": np.percentile(idle, 50) * 1000,
        "idle_p99_ms": np.percentile(idle, 99) * 1000,
        "bare_p50_ms": single_s * 1000,
        "busy_p50_ms": np.percentile(busy, 50) * 1000,
        "busy_p99_ms": np.percentile(busy, 99) * 1000,
        "batch_ms": batch_s * 1000,
        "batch_size": place.bare[0].batch_size,
        "idle_p50_ratio": np.percentile(idle, 50) / single_s,
        "busy_p99_ratio": np.percentile(busy, 99) / batch_s,
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _queries(client: Lookalike, pictures: Sequence[bytes], n: int) -> list[float]:
    """Seconds of each query, one after another."""
    seconds = []
    for picture in itertools.islice(itertools.cycle(pictures), n + _UNCOUNTED):
        started = time.perf_counter()
        client.embed(picture)
        seconds.append(time.perf_counter() - started)
    return seconds[_UNCOUNTED:]


class _Bulk:
    """Keeps the worker full of bulk images: the same photographs, in one collection after another.

    Enqueuing stays out of the way: a backlog of minutes is filled up at once.
    """

    def __init__(self, place: Installation, photographs: Sequence[Path]) -> None:
        self._place = place
        self._images = [path.resolve() for path in photographs]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bulk")

    def __enter__(self) -> None:
        self._thread.start()
        claimed = "SELECT count(*) FROM lookalike.leases WHERE claimed_at IS NOT NULL AND lane = 1"
        # Half of what a worker has slots for: from then on its encoder is never idle.
        half = self._place.settings.n_slots // 2
        until(lambda: self._place.scalar(claimed) >= half, timeout_s=_TIMEOUT_S)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        # What is left is not waited for: a worker that stops gives it back.
        self._place.run("UPDATE lookalike.jobs SET status = 'failed' WHERE status = 'queued'")

    def _run(self) -> None:
        for i in itertools.count():
            while self._place.client.status().n_open > _BACKLOG:
                if self._stop.wait(0.5):
                    return
            for _ in self._place.client.add_many(self._images, collection=f"bulk {i}"):
                pass
            if self._stop.is_set():
                return


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default=environment().get("LOOKALIKE_ENCODER", "nasnet_large"))
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--photographs", type=Path, default=_PHOTOGRAPHS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
