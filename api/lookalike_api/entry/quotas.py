"""How often somebody may ask, as pure arithmetic: one number for each caller is enough.

A quota that is unused lets all its requests through at once; then it fills up
again steadily. This is the generic cell rate algorithm: what is kept for a
caller is the time at which its whole quota is there again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

_WINDOWS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

# A part of the time that one request stands for.
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in so many seconds."""

    n: int
    window_s: int

    @classmethod
    def parse(cls, rate: str) -> Self | None:
        """The quota of `600/minute`, as the settings have checked it; None of `none`."""
        if rate == "none":
            return None
        n, _, window = rate.partition("/")
        return cls(int(n), _WINDOWS_S[window])

    def take(self, full_at: float, now: float, n: int = 1) -> Standing:
        """How a caller stands who asks `n` times more, and had all of its quota at `full_at`."""
        one_s = self.window_s / self.n
        asked = max(full_at, now) + n * one_s
        # Many rounding errors add up, and must not refuse a quota's last request.
        is_granted = asked - now - self.window_s <= one_s * _TOLERANCE
        return self.standing(asked if is_granted else full_at, now, n, is_granted=is_granted)

    def standing(self, full_at: float, now: float, n: int = 1, *, is_granted: bool) -> Standing:
        """What is left until `full_at`, and when `n` requests would be granted."""
        one_s = self.window_s / self.n
        used_s = max(0.0, full_at - now)
        n_left = max(0, math.floor((self.window_s - used_s) / one_s + _TOLERANCE))
        retry_in_s = 0.0 if is_granted else used_s + n * one_s - self.window_s
        return Standing(self, is_granted, n_left, used_s, retry_in_s, full_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a request, and how its caller stands after it."""

    quota: Quota
    is_granted: bool
    n_left: int
    full_in_s: float
    retry_in_s: float
    full_at: float
