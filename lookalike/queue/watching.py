"""Which jobs have ended: told to any number of listeners by one thread and one connection.

Whoever waits for a single job may hold a thread (`waiting`); a server with a
thousand clients that follow their jobs may not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from lookalike.database import Listener, transaction
from lookalike.errors import Unavailable
from lookalike.queue import enqueueing
from lookalike.tables import OUTCOMES_CHANNEL

# Should a notification be lost with its connection, the jobs are looked at all the same.
_LOOK_S = 5.0
# While outcomes come by the hundred a second, one look serves many of them.
_LEAST_S = 0.05
_OUTAGE_S = 1.0

MAX_JOBS = 200_000
"""So many may be watched in all: one look at them takes a fifth of a second."""

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Watcher:
    """One listener: the jobs that it still waits for, and how it is told of those that ended."""

    open: set[int]
    tell: Callable[[Sequence[int]], None]


class JobWatch:
    """Watches jobs for others. Its thread and connection are there while anybody waits."""

    def __init__(self, engine: Engine, database_url: str) -> None:
        self._engine = engine
        self._url = database_url
        self._lock = threading.Lock()
        self._watchers: set[Watcher] = set()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def add(self, job_ids: Collection[int], tell: Callable[[Sequence[int]], None]) -> Watcher:
        """From now on `tell` is called, in another thread, with the ids of jobs that have ended.

        Also with those that are purged. Jobs that end before this returns may
        be told or not: look at them afterwards. Raises Unavailable where too
        many are watched.
        """
        watcher = Watcher(set(job_ids), tell)
        with self._lock:
            if sum(len(one.open) for one in self._watchers) + len(watcher.open) > MAX_JOBS:
                raise Unavailable(
                    f"found more than {MAX_JOBS:,} jobs that clients wait for; expected fewer: "
                    "try again later, or ask how they stand without waiting"
                )
            self._watchers.add(watcher)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job watch", daemon=True)
                self._thread.start()
        return watcher

    def remove(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """Tell nobody any more; the thread ends by itself, within seconds."""
        self._ended.set()
        with self._lock:
            self._watchers.clear()

    def _run(self) -> None:
        with closing(Listener(self._url, OUTCOMES_CHANNEL)) as listener:
            looked_at = 0.0
            while self._is_wanted():
                self._ended.wait(max(0.0, looked_at + _LEAST_S - time.monotonic()))
                try:
                    listener.open()
                    looked_at = time.monotonic()
                    self._look()
                    listener.wait(_LOOK_S)
                except Unavailable as error:
                    log.info("jobs are not watched", error=error.reason, message=str(error))
                    self._ended.wait(_OUTAGE_S)

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._watchers:
                self._thread = None
            return bool(self._watchers)

    def _look(self) -> None:
        with self._lock:
            wanted = set().union(*(watcher.open for watcher in self._watchers))
        with transaction(self._engine) as connection:
            still_open = set(enqueueing.open_job_ids(connection, sorted(wanted)))
        with self._lock:
            told = [
                (watcher, sorted((watcher.open & wanted) - still_open))
                for watcher in self._watchers
            ]
            for watcher, ended in told:
                watcher.open.difference_update(ended)
        for watcher, ended in told:
            if ended:
                watcher.tell(ended)
