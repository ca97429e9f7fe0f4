"""One call for all who need its answer, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """A call that may hang and that nothing can end; many threads may wait for it.

    Whoever stops waiting leaves it to go on, and whoever asks meanwhile waits for the same
    one: a call that hangs holds one thread, however often it is asked for, and the
    process may end without it.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._starting = threading.Lock()
        self._answer: Future[T] | None = None

    def result(self, timeout_s: float) -> T:
        """What the call gives, begun anew unless it is under way.

        Raises what the call raises, and TimeoutError where it takes longer.
        """
        return self._under_way().result(timeout_s)

    def _under_way(self) -> Future[T]:
        with self._starting:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                threading.Thread(target=self._run, args=(self._answer,), daemon=True).start()
            return self._answer

    def _run(self, answer: Future[T]) -> None:
        try:
            answer.set_result(self._call())
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)
