"""When a failed job is tried again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter, up to a number of attempts.

    For failures of the family Unavailable only: a Rejected image gives the
    same answer every time.
    """

    max_attempts: int
    backoff_s: float
    max_backoff_s: float

    def wait_s(self, attempts: int, jitter: float) -> float | None:
        """Seconds until the next try after `attempts` tries, or None for no further one.

        `jitter` in [0, 1) spreads the waits over the upper half of the
        backoff, so that jobs that failed together do not return together.
        """
        if attempts >= self.max_attempts:
            return None
        backoff = min(self.max_backoff_s, self.backoff_s * 2.0 ** (attempts - 1))
        return backoff * (0.5 + jitter / 2)
