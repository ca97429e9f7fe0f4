"""When a delivery that failed is tried again, and its webhook's others: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.queue.retries import RetryPolicy

# 5 s, 10 s, 20 s … 6 h: one and a half to three days in all, by the jitter.
TRIES = RetryPolicy(max_attempts=24, backoff_s=5, max_backoff_s=21_600)

# Its doubling ends far below; there is always a next request.
_MOST_DOUBLED = 20


@dataclass(frozen=True, slots=True)
class Schedule:
    """`tries` is for one delivery; after a failure the webhook's others are held back as well.

    They are held for a shorter time, `max_hold_s` at most: a receiver that
    is back is noticed soon, one that is down is not asked by thousands, and a
    delivery that fails by itself does not hold the others for long.
    """

    tries: RetryPolicy = TRIES
    max_hold_s: float = 300.0

    def wait_s(self, attempts: int, jitter: float) -> float | None:
        """Seconds until a delivery's next try; None where it has had its last."""
        return self.tries.wait_s(attempts, jitter)

    def hold_s(self, n_failures: int, jitter: float, *, retry_after_s: float = 0.0) -> float:
        """Seconds until anything is sent to a webhook, after so many failures in a row.

        At least what the receiver has asked for.
        """
        doubled = min(n_failures, _MOST_DOUBLED)
        holds = RetryPolicy(_MOST_DOUBLED + 1, self.tries.backoff_s, self.max_hold_s)
        return max(holds.wait_s(doubled, jitter) or 0.0, retry_after_s)
