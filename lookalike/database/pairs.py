"""Two at a time: while one call waits for a server, the next is prepared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_pairs(call: Callable[[T], R], arguments: Iterable[T]) -> Iterator[R]:
    """The results of `call`, in the order of its arguments, with two calls under way at a time.

    A single one is called where it is asked for, without a thread. At the
    first error the call after it may have succeeded, unseen.
    """
    pending = iter(arguments)
    some = list(islice(pending, 2))
    if len(some) < 2:
        yield from map(call, some)
        return
    with ThreadPoolExecutor(2, thread_name_prefix="pair") as threads:
        running: deque[Future[R]] = deque(threads.submit(call, argument) for argument in some)
        while running:
            result = running.popleft().result()
            running.extend(threads.submit(call, argument) for argument in islice(pending, 1))
            yield result
