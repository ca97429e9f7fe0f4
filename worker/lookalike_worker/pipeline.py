"""Chunks in, committed outcomes out.

task threads ── claim ──► fetch threads ── fetch, decode ──► batcher ──► encoder thread
     ▲                          └── rejected ──┐                              │
     └── every job of the chunk is committed ──┴── writer thread ◄────────────┘

A task thread returns, and Celery acknowledges its message, only after the
outcome of each of its jobs is committed.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import structlog
from sqlalchemy import Engine

from lookalike import leases, store
from lookalike.database import transaction
from lookalike.errors import LookalikeError, Rejected, Unavailable
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Chunk, ClaimedJob, Embedded, Failure, Lane, Outcome, Trace
from lookalike.retries import RetryPolicy
from lookalike_worker.batching import Batcher
from lookalike_worker.encoder import Encoder, Pixels, Tagger
from lookalike_worker.encoding import encode_each, tagged

# One commit of 256 rows of 4,032 features is 2 MB: large enough to be cheap.
_MAX_COMMIT = 256

_QUERY_FETCHES = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pipeline is built of."""

    engine: Engine
    encoder: Encoder
    space_id: int
    fetch: Callable[[ImageRef], bytes]
    decode: Callable[[bytes], Pixels]
    policy: RetryPolicy
    tagger: Tagger | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a pipeline does at a time."""

    worker: str
    lease_s: float
    fetch_threads: int
    bulk_slots: int


@dataclass(slots=True)
class _Latch:
    """Opens when every job of a chunk is committed."""

    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: threading.Event = field(default_factory=threading.Event)

    def count_down(self) -> None:
        with self.lock:
            self.left -= 1
            if self.left == 0:
                self.opened.set()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A decoded image on its way to the encoder."""

    job: ClaimedJob
    latch: _Latch
    started: float
    key: ImageKey
    pixels: Pixels
    trace: Trace


class Pipeline:
    """One loaded encoder and the threads around it."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._batcher: Batcher[_Loaded] = Batcher()
        self._outcomes: SimpleQueue[tuple[Outcome, _Latch] | None] = SimpleQueue()
        # Threads of its own for each lane: a query does not wait behind a chunk's fetches.
        self._fetchers = {
            Lane.INTERACTIVE: ThreadPoolExecutor(_QUERY_FETCHES, thread_name_prefix="query"),
            Lane.BULK: ThreadPoolExecutor(limits.fetch_threads, thread_name_prefix="fetch"),
        }
        self._bulk_slots = threading.BoundedSemaphore(limits.bulk_slots)
        self._held: set[int] = set()
        self._holding = threading.Lock()
        self._encoder_thread = threading.Thread(target=self._encode, name="encoder", daemon=True)
        self._writer_thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self.n_finished = 0
        self.fatal: Exception | None = None

    def start(self) -> None:
        self._encoder_thread.start()
        self._writer_thread.start()

    def held(self) -> list[int]:
        """The ids of the jobs in this worker's hands: claimed, and not committed yet."""
        with self._holding:
            return sorted(self._held)

    def run_chunk(self, chunk: Chunk) -> int:
        """Embed a chunk's images; returns how many jobs were claimed, once all are committed.

        A bulk chunk first waits for a slot; an interactive one does not.
        Raises StoreUnavailable where the claim cannot be made; the jobs'
        lease then runs out and the relay sends them again.
        """
        if chunk.lane is Lane.INTERACTIVE:
            return self._run(chunk)
        with self._bulk_slots:
            return self._run(chunk)

    def _run(self, chunk: Chunk) -> int:
        with transaction(self._parts.engine) as connection:
            jobs = leases.claim(
                connection, chunk, worker=self._limits.worker, lease_s=self._limits.lease_s
            )
        if not jobs:
            return 0
        with self._holding:
            self._held.update(job.id for job in jobs)
        latch = _Latch(len(jobs))
        started = time.monotonic()
        for job in jobs:
            self._fetchers[job.lane].submit(self._load, job, latch, started)
        latch.opened.wait()
        return len(jobs)

    def close(self) -> None:
        """Finish what was taken, commit it, and end the threads."""
        for fetchers in self._fetchers.values():
            fetchers.shutdown(wait=True)
        self._batcher.close()
        self._encoder_thread.join()
        self._outcomes.put(None)
        self._writer_thread.join()

    def _load(self, job: ClaimedJob, latch: _Latch, started: float) -> None:
        trace = Trace()
        try:
            data = self._parts.fetch(job.reference)
            trace = replace(trace, fetched_ms=_since(started))
            pixels = self._parts.decode(data)
            trace = replace(trace, decoded_ms=_since(started))
            loaded = _Loaded(job, latch, started, ImageKey.of(data), pixels, trace)
            self._batcher.put(loaded, job.lane)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job gets its outcome
            self._outcomes.put((self._failure(job, error, trace), latch))

    def _encode(self) -> None:
        while batch := self._batcher.next_batch(self._parts.encoder.batch_size):
            batched = [replace(item.trace, batched_ms=_since(item.started)) for item in batch]
            try:
                answers = encode_each(self._parts.encoder, [item.pixels for item in batch])
            except Exception as error:
                # Every image is concerned: the process ends, the leases bring the jobs back.
                log.exception("the encoder cannot go on")
                self.fatal = error
                return
            for item, trace, answer in zip(batch, batched, answers, strict=True):
                done = replace(trace, encoded_ms=_since(item.started))
                outcome = (
                    self._failure(item.job, answer, done)
                    if isinstance(answer, LookalikeError)
                    else Embedded(item.job, item.key, answer, done)
                )
                self._outcomes.put((outcome, item.latch))

    def _write(self) -> None:
        is_open = True
        while is_open:
            entries = [self._outcomes.get()]
            while not self._outcomes.empty() and len(entries) < _MAX_COMMIT:
                entries.append(self._outcomes.get())
            is_open = None not in entries
            ready = [entry for entry in entries if entry is not None]
            if ready:
                # Not in the encoder's thread: a GPU would wait for it.
                try:
                    outcomes = tagged(self._parts.tagger, [outcome for outcome, _ in ready])
                except Exception as error:
                    log.exception("tags cannot be computed")
                    self.fatal = error
                    return
                self._commit(outcomes)
                with self._holding:
                    self._held.difference_update(outcome.job.id for outcome, _ in ready)
                self.n_finished += len(ready)
                for _, latch in ready:
                    latch.count_down()

    def _commit(self, outcomes: list[Outcome]) -> None:
        """Commit, waiting out any outage: the work is done and must not be lost."""
        pause_s = 0.1
        while True:
            try:
                with transaction(self._parts.engine) as connection:
                    store.commit_outcomes(connection, self._parts.space_id, outcomes)
                return
            except Unavailable as error:
                log.warning("cannot commit yet", message=str(error), retry_in_s=pause_s)
            except Exception as error:  # noqa: BLE001 - whatever it is, each job gets its outcome
                self._commit_apart(outcomes, error)
                return
            time.sleep(pause_s)
            pause_s = min(5.0, pause_s * 2)

    def _commit_apart(self, outcomes: list[Outcome], error: Exception) -> None:
        """A row that the database refuses takes no neighbour along: it fails alone."""
        if len(outcomes) > 1:
            for outcome in outcomes:
                self._commit([outcome])
        elif isinstance(outcomes[0], Embedded):
            self._commit([self._failure(outcomes[0].job, error, outcomes[0].trace)])
        else:
            # Not even a failure can be written: the process ends, and the lease runs out.
            log.error("an outcome cannot be stored", job=outcomes[0].job.id, exc_info=error)
            self.fatal = error

    def _failure(self, job: ClaimedJob, error: Exception, trace: Trace) -> Failure:
        if not isinstance(error, LookalikeError):
            log.error("unexpected error", job=job.id, exc_info=error)
        reason = error.reason if isinstance(error, LookalikeError) else type(error).__name__
        wait_s = (
            None
            if isinstance(error, Rejected)
            else self._parts.policy.wait_s(job.attempts, random.random())  # noqa: S311
        )
        return Failure(job, reason, str(error)[:2000], wait_s, trace)


def _since(started: float) -> int:
    """Whole milliseconds since a moment of the monotonic clock."""
    return round((time.monotonic() - started) * 1000)
