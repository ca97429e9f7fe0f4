"""What a worker has in its hands: the chunks that it has claimed and not finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Hold:
    """A claimed chunk; `claimed` is a moment of the monotonic clock, `claimed_ns` of the wall's."""

    lease: int
    n_jobs: int = 0
    n_left: int = 0
    claimed: float = field(default_factory=time.monotonic)
    claimed_ns: int = field(default_factory=time.time_ns)
    ended: threading.Event = field(default_factory=threading.Event)

    def since_ms(self, moment: float) -> float:
        """Milliseconds from the claim to a moment of the monotonic clock."""
        return (moment - self.claimed) * 1000


class Holds:
    """All holds of a worker; many threads share it."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._changed = threading.Condition()

    def reach(self, lease: int) -> Hold:
        """Begin to claim a chunk: whoever waits for empty hands waits for the answer too."""
        hold = Hold(lease)
        with self._changed:
            self._holds[lease] = hold
        return hold

    def take(self, hold: Hold, n_jobs: int) -> None:
        """So many jobs were claimed."""
        with self._changed:
            hold.n_jobs = hold.n_left = n_jobs

    def drop(self, hold: Hold) -> None:
        """Nothing was claimed."""
        with self._changed:
            self._holds.pop(hold.lease, None)
            self._changed.notify_all()

    def leases(self) -> list[int]:
        """The leases to renew."""
        with self._changed:
            return sorted(self._holds)

    @property
    def n_jobs(self) -> int:
        """Jobs without a committed outcome."""
        with self._changed:
            return sum(hold.n_left for hold in self._holds.values())

    def ends_with(self, counts: Mapping[Hold, int]) -> list[int]:
        """The leases of which no job is left once so many more of each hold are committed."""
        with self._changed:
            return [hold.lease for hold, n in counts.items() if hold.n_left <= n]

    def count_down(self, counts: Mapping[Hold, int]) -> None:
        """So many more jobs of each hold are committed."""
        with self._changed:
            for hold, n in counts.items():
                hold.n_left -= n
                if hold.n_left <= 0:
                    self._holds.pop(hold.lease, None)
                    hold.ended.set()
            self._changed.notify_all()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Whether every job was committed within `timeout_s` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._holds, timeout_s)

    def abandon(self) -> list[int]:
        """Let everything go; whoever waits for a hold goes on. The leases that were held."""
        with self._changed:
            leases = sorted(self._holds)
            for hold in self._holds.values():
                hold.ended.set()
            self._holds.clear()
            self._changed.notify_all()
        return leases
