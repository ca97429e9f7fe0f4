"""Committed images a second against the encoder's own rate: `python -m benchmarks.pipeline`.

With an encoder that only takes its time (5 ms + 0.3 ms an image, batches of
64), without fetching and decoding, in turns with celery-batches and with a
task an image; then with a real encoder and photographs. Relay, worker,
Postgres and Valkey are as a user starts them. Rates are slopes through the
moments that the rows carry; the encoder alone is measured in the worker's
process before and after.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.installation import ROOT, Installation, cpu_s, installed, until
from benchmarks.machine import machine
from benchmarks.paced import PACE
from benchmarks.pipeline.peers import environment_of_batches, run_batches, run_one_task
from benchmarks.pipeline.steady import steady_rate
from lookalike.environment import environment
from lookalike.images import find_images

_TIMEOUT_S = 600
_PHOTOGRAPHS = ROOT.parent / "shared" / "images"

# So many images take each side some ten seconds.
_N_PACED, _N_BATCHES, _N_ONE_TASK = 30_000, 6_000, 1_600


def main() -> None:
    given = _arguments()
    figures: dict[str, float | None] = {}
    print(machine())
    if "paced" in given.only:
        with installed() as place:
            figures |= _paced(place, given.rounds)
    if "real" in given.only:
        figures |= _real(given.encoder, given.photographs, given.images)
    print(json.dumps(figures))


def run_product(place: Installation, images: list[str | Path], *, paced: bool) -> dict[str, float]:
    """Enqueue images and wait until all are done; rates, and processor time an image."""
    place.empty()
    with place.serving(paced=paced) as processes:
        before = {name: cpu_s(pid) for name, pid in processes.items()}
        for _ in place.client.add_many(images):
            pass
        enqueued = place.scalar("SELECT extract(epoch FROM clock_timestamp())")
        # Seldom: whoever looks takes time from those who work.
        until(lambda: place.client.status().n_open == 0, timeout_s=_TIMEOUT_S, every_s=0.5)
        cpu = {
            f"{name}_cpu_ms": (cpu_s(pid) - before[name]) * 1000 / len(images)
            for name, pid in processes.items()
        }
    rows = place.column(
        "SELECT extract(epoch FROM j.finished_at) FROM lookalike.jobs j "
        "JOIN lookalike.features f ON f.image_id = j.image_id WHERE j.status = 'done' ORDER BY 1"
    )
    if len(rows) != len(images):
        raise RuntimeError(f"{len(rows)} of {len(images)} images have features; expected all")
    rate = steady_rate(rows, since=max(enqueued, rows[len(rows) // 5]))
    bare = statistics.mean(one.images_per_s for one in place.bare)
    return {"images_per_s": rate, "bare_images_per_s": bare, **cpu}


def _paced(place: Installation, n_rounds: int) -> dict[str, float | None]:
    python = environment_of_batches()
    images: list[str | Path] = [f"https://example.org/{i}.jpg" for i in range(_N_PACED)]
    product, one_task, batches = [], [], []
    for _ in range(n_rounds):
        product.append(run_product(place, images, paced=True))
        one_task.append(run_one_task(place, _N_ONE_TASK))
        batches.append(run_batches(place, _N_BATCHES, python) if python else 0.0)
        print(_listed(product[-1] | {"one_task": one_task[-1], "celery_batches": batches[-1]}))
    ours = [turn["images_per_s"] for turn in product]

    def over(theirs: list[float]) -> float:
        return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 2)

    return {
        "fake_efficiency": _efficiency(product),
        "fake_over_arithmetic": round(statistics.median(ours) / PACE, 3),
        "fake_images_per_s": round(statistics.median(ours)),
        "over_one_task_per_image": over(one_task),
        "over_celery_batches": over(batches) if python else None,
        **{f"fake_{name}": value for name, value in _cpu(product).items()},
    }


def _real(encoder: str, folder: Path, n_images: int) -> dict[str, float | None]:
    photographs = find_images(folder)
    if not photographs:
        print(f"no photographs in {folder}: real encoders are left out; give --photographs")
        return {"real_efficiency": None}
    # From all over the folder: neighbours are alike in size.
    chosen = photographs[:: max(1, len(photographs) // n_images)][:n_images]
    untrained = "" if encoder == "efficientnet_lite0" else "1"
    with installed(
        encoder=encoder,
        untrained=environment().get("LOOKALIKE_UNTRAINED", untrained),
        file_roots=folder.resolve(),
    ) as place:
        turn = run_product(place, [path.resolve() for path in chosen], paced=False)
    print(_listed(turn))
    rates: dict[str, float | None] = {
        "real_efficiency": _efficiency([turn]),
        "real_images_per_s": round(turn["images_per_s"], 2),
        "real_bare_images_per_s": round(turn["bare_images_per_s"], 2),
    }
    return rates | {f"real_{name}": value for name, value in _cpu([turn]).items()}


def _efficiency(turns: list[dict[str, float]]) -> float:
    rates = (turn["images_per_s"] / turn["bare_images_per_s"] for turn in turns)
    return round(statistics.median(rates), 3)


def _cpu(turns: list[dict[str, float]]) -> dict[str, float]:
    names = [name for name in turns[0] if name.endswith("_cpu_ms")]
    return {name: round(statistics.median(turn[name] for turn in turns), 3) for name in names}


def _listed(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=("paced", "real"), default=["paced", "real"])
    parser.add_argument("--encoder", default=environment().get("LOOKALIKE_ENCODER", "nasnet_large"))
    parser.add_argument("--photographs", type=Path, default=_PHOTOGRAPHS)
    parser.add_argument("--images", type=int, default=1200, help="for the real encoder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
