"""A change of encoder under a running query load: `python -m benchmarks.reembed [--images 20000]`.

Embedded servers, a relay, and a worker of each encoder, which only take
their time. Four threads search without a pause, by stored images, by
features and by pictures, from before the change until after its end: the
second space is filled, searches flipped to it, rolled back, flipped again,
and the old one dropped. Every answer is held against NumPy's exact one.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from benchmarks.installation import Installation, installed, until
from benchmarks.machine import machine
from benchmarks.reembed.answers import Answer, Truth
from benchmarks.reembed.load import Ask, Load, by_features, by_id, searching
from benchmarks.reembed.pixels import Projecting, pixels_of
from lookalike.reembedding import Reembedding

_TIMEOUT_S = 1800
# Between two steps.
_N_ANSWERS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    given = parser.parse_args()
    print(machine())
    with installed() as place:
        print(json.dumps(_measure(place, given.images)))


def _measure(place: Installation, n_images: int) -> dict[str, float]:
    old, new = Projecting("blue"), Projecting("green")
    with ExitStack() as running:
        running.enter_context(place.running("-m", "lookalike.cli", "relay"))
        running.enter_context(place.running("-m", "benchmarks.reembed.worker", "blue"))
        until(lambda: len(place.client.status().workers) == 1, timeout_s=_TIMEOUT_S)
        urls = (f"https://example.org/{i}.jpg" for i in range(n_images))
        image_ids = [one.image_id for one in place.client.add_many(urls)]
        until(lambda: place.client.status().n_open == 0, timeout_s=_TIMEOUT_S, every_s=0.5)
        truths = [Truth.read(place.engine, old.space.name)]
        asks = [
            by_id(place.client, image_ids),
            by_id(place.client, image_ids),
            by_features(place.client, image_ids),
            _by_picture(place, (old, new)),
        ]
        with searching(asks) as load:
            load.wait_for(_N_ANSWERS)
            running.enter_context(place.running("-m", "benchmarks.reembed.worker", "green"))
            until(lambda: len(place.client.status().workers) == 2, timeout_s=_TIMEOUT_S)
            change = place.client.reembedding()
            filled_s = _timed(lambda: _fill(change))
            truths.append(Truth.read(place.engine, new.space.name))
            moments = _steps(change, load)
    return {
        "n_images": n_images,
        "images_per_s": round(n_images / filled_s, 1),
        **_judged(load, truths, moments),
        **{f"{step}_ms": round(1000 * (end - begin), 1) for step, (begin, end) in moments.items()},
    }


def _fill(change: Reembedding) -> None:
    change.start("green")

    def is_filled() -> bool:
        now = change.progress()
        return not now.n_left and not now.n_waiting

    until(is_filled, timeout_s=_TIMEOUT_S, every_s=0.5)


def _steps(change: Reembedding, load: Load) -> dict[str, tuple[float, float]]:
    """When each step began and ended; between them, searches go on."""
    moments = {}
    for name, step in (
        ("flip", change.flip),
        ("rollback", change.rollback),
        ("flip_again", change.flip),
        ("drop", change.drop_old),
    ):
        begin = time.monotonic()
        step()
        moments[name] = (begin, time.monotonic())
        load.wait_for(_N_ANSWERS)
    return moments


def _judged(
    load: Load, truths: list[Truth], moments: dict[str, tuple[float, float]]
) -> dict[str, int]:
    """Answers that are wholly of no space, and those of a space that did not serve meanwhile."""
    for error in dict.fromkeys(load.errors):
        print(f"failed: {error}")
    spaces = [answer.space(truths) for answer in load.answers]
    flip, rollback, again = (moments[name] for name in ("flip", "rollback", "flip_again"))
    old, new = (truth.space for truth in truths)
    stretches = [
        (0.0, flip[0], old),
        (flip[1], rollback[0], new),
        (rollback[1], again[0], old),
        (again[1], time.monotonic(), new),
    ]
    n_stale = sum(
        space not in (None, serving)
        for answer, space in zip(load.answers, spaces, strict=True)
        for begin, end, serving in stretches
        # Features and pictures are answered in the space that they were embedded in.
        if answer.image_id is not None and begin <= answer.asked and answer.answered <= end
    )
    return {
        "n_queries": len(load.answers) + len(load.errors),
        "failed": len(load.errors),
        "mixed": spaces.count(None),
        "stale": n_stale,
        "n_old": spaces.count(old),
        "n_new": spaces.count(new),
    }


def _by_picture(place: Installation, encoders: tuple[Projecting, Projecting]) -> Ask:
    """Searches with pictures that are stored nowhere: a worker embeds each first."""

    def ask(chance: random.Random) -> Answer:
        url, asked = f"https://example.org/query/{chance.random()}.jpg", time.monotonic()
        found = place.client.search(url)
        pixels = pixels_of(url.encode())[None].astype(np.float32) / 255
        features = {
            encoder.space.name: encoder.project(pixels)[0].astype(np.float16).astype(np.float32)
            for encoder in encoders
        }
        return Answer(asked, time.monotonic(), found, features=features)

    return ask


def _timed(step: Callable[[], None]) -> float:
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
