"""Whose turn it is: webhooks that have something to be sent wait in line for a few senders."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable


class Turns:
    """A line that many senders share; no webhook is in the hands of two of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[int] = deque()
        self._served: set[int] = set()

    @property
    def n_waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._line)

    def line_up(self, due: Iterable[int]) -> None:
        """From now on these wait, the first of them in front; but not those that have a turn."""
        with self._lock:
            self._line = deque(one for one in due if one not in self._served)

    def begin(self) -> int | None:
        """Whose turn it is now; None where nobody waits."""
        with self._lock:
            if not self._line:
                return None
            webhook_id = self._line.popleft()
            self._served.add(webhook_id)
            return webhook_id

    def end(self, webhook_id: int, *, has_more: bool) -> None:
        """Its turn is over; one that has more to be sent waits again, behind all others."""
        with self._lock:
            self._served.remove(webhook_id)
            if has_more:
                self._line.append(webhook_id)
