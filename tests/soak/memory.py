"""How fast a process's memory grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_MIB = 2**20
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Growth:
    """A slope by least squares, and its standard error; MiB an hour."""

    mib_per_h: float
    noise: float

    def is_leak(self, *, bound: float) -> bool:
        """Whether it is more than chance would give, and more than `bound`."""
        return self.mib_per_h > bound and self.mib_per_h > 3 * self.noise


def resident_bytes(pid: int) -> int:
    """The memory that a process has in RAM; raises OSError where it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} is gone")


def growth(seconds: Sequence[float], n_bytes: Sequence[float]) -> Growth:
    """The slope of the second half of a series: the first warms caches and pools."""
    half = len(seconds) // 2
    x, y = np.array(seconds[half:]) / _HOUR_S, np.array(n_bytes[half:]) / _MIB
    x = x - x.mean()
    slope = float(x @ (y - y.mean()) / (x @ x))
    rest = y - y.mean() - slope * x
    error = float(np.sqrt(rest @ rest / max(1, len(x) - 2) / (x @ x)))
    return Growth(slope, error)
