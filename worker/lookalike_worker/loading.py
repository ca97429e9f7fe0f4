"""Claimed jobs to pixels: threads that fetch and decode, each lane its own.

A query does not wait behind a bulk chunk's slow hosts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue

from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Lane
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.holds import Hold


@dataclass(frozen=True, slots=True)
class Loaded:
    """A decoded image on its way to the encoder; moments are of the monotonic clock."""

    job: ClaimedJob
    hold: Hold
    key: ImageKey
    picture: Decoded
    fetched: float
    decoded: float


@dataclass(frozen=True, slots=True)
class Unloadable:
    """A job whose image could not be fetched (`fetched` is None) or decoded, and why."""

    job: ClaimedJob
    hold: Hold
    error: Exception
    fetched: float | None


class Loaders:
    """Threads that turn jobs into pixels until they are closed."""

    def __init__(
        self,
        fetch: Callable[[ImageRef], bytes],
        decode: Callable[[bytes, Lane], Decoded],
        *,
        n_threads: Mapping[Lane, int],
        loaded: Callable[[Loaded], None],
        failed: Callable[[Unloadable], None],
    ) -> None:
        self._fetch = fetch
        self._decode = decode
        self._loaded = loaded
        self._failed = failed
        self._waiting: dict[Lane, SimpleQueue[tuple[ClaimedJob, Hold] | None]] = {
            lane: SimpleQueue() for lane in n_threads
        }
        self._threads = {
            lane: [
                threading.Thread(
                    target=self._run, args=(lane,), name=f"load-{lane.name.lower()}", daemon=True
                )
                for _ in range(n)
            ]
            for lane, n in n_threads.items()
        }

    def start(self) -> None:
        for threads in self._threads.values():
            for thread in threads:
                thread.start()

    def put(self, job: ClaimedJob, hold: Hold) -> None:
        """Load a job's image as soon as a thread of its lane is free."""
        self._waiting[job.lane].put((job, hold))

    def close(self) -> None:
        """Load what was put, then end the threads."""
        for lane, threads in self._threads.items():
            for _ in threads:
                self._waiting[lane].put(None)
        for threads in self._threads.values():
            for thread in threads:
                thread.join()

    def _run(self, lane: Lane) -> None:
        while (entry := self._waiting[lane].get()) is not None:
            self._load(*entry)

    def _load(self, job: ClaimedJob, hold: Hold) -> None:
        fetched = None
        try:
            data = self._fetch(job.reference)
            fetched = time.monotonic()
            picture = self._decode(data, job.lane)
            decoded = time.monotonic()
            loaded = Loaded(job, hold, ImageKey.of(data), picture, fetched, decoded)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job gets its outcome
            self._failed(Unloadable(job, hold, error, fetched))
        else:
            self._loaded(loaded)
