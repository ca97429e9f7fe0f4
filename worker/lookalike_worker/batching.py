"""What is in the next batch, and when it is cut. No clock, no network.

Greedy: a batch is cut as soon as the encoder asks for one and anything is
ready, so no image ever waits for a batch to fill. Interactive images go
first, and bulk images beside them fill half a batch at most: somebody waits
for its end.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from lookalike.jobs import Lane

T = TypeVar("T")


class Batcher(Generic[T]):
    """A queue with two lanes between the threads that decode and the one that encodes."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, deque[T]] = {lane: deque() for lane in Lane}
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, item: T, lane: Lane) -> None:
        """Add an item that is ready to be encoded."""
        with self._changed:
            self._lanes[lane].append(item)
            self._changed.notify()

    def next_batch(self, max_items: int) -> list[T]:
        """Wait until something is ready and take up to `max_items`, interactive first.

        An empty list means that the batcher is closed and nothing is left.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or any(self._lanes.values()))
            queries, bulk = self._lanes[Lane.INTERACTIVE], self._lanes[Lane.BULK]
            batch = _taken(queries, max_items)
            room = max_items // 2 if batch else max_items
            return batch + _taken(bulk, room - len(batch))

    def close(self) -> None:
        """Let `next_batch` return what is left, then empty lists."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def _taken(waiting: deque[T], n: int) -> list[T]:
    return [waiting.popleft() for _ in range(min(n, len(waiting)))]
