"""Images a second and peak memory of every runtime, in turns: `python -m benchmarks.encoder`.

Sides run one after the other, round by round, each in a process of its own,
so a machine whose speed drifts slows all alike. A ratio is the median of the
ratios of the rounds. The weights are untrained unless LOOKALIKE_ENCODER names
others: speed does not depend on them, cosines may.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from benchmarks.encoder.ceiling import NASNET_LARGE_FLOPS, matrix_product_flops
from benchmarks.encoder.sides import BARE, DEFAULT, NAIVE, sides
from benchmarks.machine import machine
from lookalike.environment import environment
from lookalike.settings import Settings
from lookalike_worker.modules.sources import resolve

BATCHES = (1, 8, 32)
# The batch that ratios are taken at.
RATIO_AT = 8
# Slower than this for one image: the largest batch would take minutes, and tells nothing new.
_SLOW_S = 1.0

out = Console(soft_wrap=True, highlight=False, width=140)


@dataclass
class Side:
    """A running side and what was measured of it: seconds by batch size, a number a round."""

    name: str
    process: subprocess.Popen[str]
    cosine: float = 0.0
    peak_rss_mib: float = 0.0
    seconds: dict[int, list[float]] = field(default_factory=dict)

    @classmethod
    def start(cls, name: str, **options: object) -> Side:
        variables = {f"LOOKALIKE_{key.upper()}": str(value) for key, value in options.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.encoder.side", name],
            env={"LOOKALIKE_UNTRAINED": _untrained(), **environment(), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        side = cls(name, process)
        side.cosine = side.answer()["cosine"]
        return side

    def ask(self, n: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{n}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the side {self.name} ended with status {self.process.wait()}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def run(self, n: int) -> float:
        self.ask(n)
        answer = self.answer()
        self.peak_rss_mib = answer["peak_rss_mib"]
        return answer["seconds"]

    def measure(self, n: int) -> None:
        self.seconds.setdefault(n, []).append(self.run(n))

    def rate(self, n: int) -> float:
        """Images a second, the median of the rounds; 0 where this batch was left out."""
        return n / statistics.median(self.seconds[n]) if n in self.seconds else 0.0

    def over(self, other: Side, n: int) -> float:
        pairs = zip(other.seconds[n], self.seconds[n], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    arguments = _arguments()
    settings = Settings.load({"LOOKALIKE_UNTRAINED": _untrained(), **environment()})
    out.print(machine())
    # Once, before the sides start: they would wait for one another.
    resolve(settings.encoder, untrained=settings.untrained, cache=settings.home / "encoders")
    ceiling = matrix_product_flops("bf16") if BARE in sides() else 0.0
    running = [Side.start(name) for name in arguments.only or sides()]
    for side in running:
        for n in _batches(side):
            side.run(n)  # compiles, and is not counted
    for _ in range(arguments.rounds):
        for n in BATCHES:
            for side in running:
                if n in _batches(side):
                    side.measure(n)
    for side in running:
        side.stop()
    by_name = {side.name: side for side in running}
    _print_table(by_name, ceiling)
    pairs = _side_by_side(arguments.rounds) if BARE in by_name and DEFAULT in by_name else {}
    out.print_json(json.dumps(_result(by_name, ceiling) | pairs), indent=None)


def _untrained() -> str:
    return "" if "LOOKALIKE_ENCODER" in environment() else "1"


def _batches(side: Side) -> tuple[int, ...]:
    is_slow = 1 in side.seconds and min(side.seconds[1]) > _SLOW_S
    return BATCHES[:-1] if is_slow or side.name.startswith("jax") else BATCHES


def _print_table(by_name: dict[str, Side], ceiling: float) -> None:
    columns = [f"images/s, batch {n}" for n in BATCHES]
    table = Table(
        "side", *columns, "over predict", "peak MiB", "cosine", "of bf16 ceiling", box=None
    )
    for side in by_name.values():
        rates = [side.rate(n) for n in BATCHES]
        table.add_row(
            side.name,
            *(f"{rate:.2f}" if rate else "–" for rate in rates),
            f"{side.over(by_name[NAIVE], RATIO_AT):.2f}" if NAIVE in by_name else "–",
            f"{side.peak_rss_mib:,.0f}",
            f"{side.cosine:.6f}",
            f"{max(rates) * NASNET_LARGE_FLOPS / ceiling:.0%}" if ceiling else "–",
        )
    out.print(table)
    if ceiling:
        out.print(
            f"bf16 matrix products reach {ceiling / 1e12:.2f} TFLOP/s here: "
            f"{ceiling / NASNET_LARGE_FLOPS:.1f} images/s of NASNet-A Large at most"
        )


def _side_by_side(rounds: int) -> dict[str, float]:
    """Two workers of one thread each, at once: what pinned threads would halve."""
    totals = {name: _two(name, rounds) for name in (BARE, DEFAULT)}
    for name, total in totals.items():
        out.print(f"two of {name}, one thread each, side by side: {total:.2f} images/s in total")
    return {"two_over_two_by_hand": round(totals[DEFAULT] / totals[BARE], 3)}


def _two(name: str, rounds: int) -> float:
    pair = [Side.start(name, threads=1) for _ in range(2)]
    totals = []
    for _ in range(rounds + 1):
        for side in pair:
            side.ask(RATIO_AT)
        totals.append(sum(RATIO_AT / side.answer()["seconds"] for side in pair))
    for side in pair:
        side.stop()
    return statistics.median(totals[1:])


def _result(by_name: dict[str, Side], ceiling: float) -> dict[str, float]:
    result: dict[str, float] = {}
    default = by_name.get(DEFAULT)
    if default is not None:
        result["default_images_per_s"] = round(default.rate(RATIO_AT), 2)
        result["peak_rss_mib"] = round(default.peak_rss_mib)
        if NAIVE in by_name:
            result["default_over_predict"] = round(default.over(by_name[NAIVE], RATIO_AT), 3)
        if BARE in by_name:
            result["default_over_openvino"] = round(default.over(by_name[BARE], RATIO_AT), 3)
        if ceiling:
            share = default.rate(RATIO_AT) * NASNET_LARGE_FLOPS / ceiling
            result["share_of_bf16_ceiling"] = round(share, 3)
    served = [side for side in by_name.values() if side.name not in (NAIVE, BARE)]
    result["min_cosine"] = round(min((side.cosine for side in served), default=1.0), 6)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=sides(), help="a side; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
