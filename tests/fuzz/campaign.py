"""Damaged pictures through real decoder processes, and what became of them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from lookalike.errors import Rejected
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.process import Lost
from lookalike_worker.decoding.wire import Limits
from lookalike_worker.runtimes.machine import resident_bytes
from tests.fuzz.mutations import mutant

DECODED = "decoded"
KNOWN = (DECODED, "ImageUnreadable", "ImageTooLarge")
_SIZE, _THUMBNAIL_PX = 64, 48
# Larger ones take most of a campaign's time and no other way through a decoder.
LIMITS = Limits.of(max_pixels=4_000_000, cpu_s=5)
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one picture; `ended_one` where it ended its decoder."""

    outcome: str
    seconds: float
    ended_one: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all of them; `others` are outcomes that must not be."""

    seed: int
    inputs: int
    decoded: int
    unreadable: int
    too_large: int
    others: int
    children_lost: int
    slowest_s: float
    worker_growth_mb: float
    worker_peak_mb: float
    child_peak_mb: float
    child_limit_mb: float
    inputs_per_s: float

    @property
    def is_good(self) -> bool:
        return self.others == 0 and self.child_peak_mb <= self.child_limit_mb


def run(
    seed: int, n_inputs: int, *, n_processes: int, keep: Path | None = None, n_warm: int = 200
) -> Tally:
    """Decode damaged pictures; those that end a decoder are kept in a folder.

    The worker's memory counts from the input `n_warm` on.
    """
    mutant(seed, 0)  # The files to damage are made once, and not by two threads.
    started = time.monotonic()
    counts: Counter[str] = Counter()
    slowest = child_peak = 0.0
    resident = resident_bytes()
    with DecoderPool(LIMITS, n_processes=n_processes) as pool:
        for number, fate in enumerate(_fates(pool, seed, range(n_inputs), n_processes, keep)):
            counts[fate.outcome] += 1
            slowest = max(slowest, fate.seconds)
            if number == n_warm:
                resident = resident_bytes()
            if number % _PORTION == 0 or number == n_inputs - 1:
                child_peak = max([child_peak, *map(_peak_of, pool.pids)])
        growth = resident_bytes() - resident
    seconds = time.monotonic() - started
    return Tally(
        seed=seed,
        inputs=n_inputs,
        decoded=counts[DECODED],
        unreadable=counts["ImageUnreadable"],
        too_large=counts["ImageTooLarge"],
        others=sum(n for outcome, n in counts.items() if outcome not in KNOWN),
        children_lost=pool.n_lost,
        slowest_s=round(slowest, 2),
        worker_growth_mb=round(growth / 1e6, 1),
        worker_peak_mb=_peak_of(os.getpid()),
        child_peak_mb=child_peak,
        child_limit_mb=LIMITS.memory_bytes / 1e6,
        inputs_per_s=round(n_inputs / seconds, 1),
    )


def _fates(
    pool: DecoderPool, seed: int, numbers: Iterable[int], n_threads: int, keep: Path | None
) -> Iterator[Fate]:
    def decode(number: int) -> Fate:
        data = mutant(seed, number)
        fate = fate_of(pool, data)
        if keep and (fate.ended_one or fate.outcome not in KNOWN):
            name = f"{fate.outcome.partition(':')[0]}-{sha256(data).hexdigest()[:16]}"
            (keep / name).write_bytes(data)
        return fate

    rest = iter(numbers)
    with ThreadPoolExecutor(n_threads) as threads:
        while portion := list(islice(rest, _PORTION)):
            yield from threads.map(decode, portion)


def fate_of(pool: DecoderPool, data: bytes) -> Fate:
    """Decode one picture and say what became of it, whatever it is."""
    started = time.monotonic()
    try:
        pool.decode(data, size=_SIZE, thumbnail_px=_THUMBNAIL_PX)
    except Rejected as error:
        seconds = time.monotonic() - started
        return Fate(error.reason, seconds, ended_one=isinstance(error.__cause__, Lost))
    except Exception as error:  # noqa: BLE001 - to be counted: nothing else may come
        return Fate(f"{type(error).__name__}: {error}", time.monotonic() - started)
    return Fate(DECODED, time.monotonic() - started)


def _peak_of(pid: int) -> float:
    """The most physical memory that a process ever held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)
