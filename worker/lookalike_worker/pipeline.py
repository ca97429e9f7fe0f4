"""Chunks in, committed outcomes out.

claim ──► loaders ── fetch, decode ──► batcher ──► encoder thread ──► writer ── COMMIT
             └── rejected ─────────────────────────────────────────────┘
The thread that brought a bulk chunk waits until its last job is committed;
Celery has so many of these threads as the worker has slots.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from lookalike.database import transaction
from lookalike.errors import Unavailable
from lookalike.images import ImageRef
from lookalike.jobs import Chunk, ClaimedJob, Lane
from lookalike.queue import leases
from lookalike.queue.retries import RetryPolicy
from lookalike_worker.batching import Batcher
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.encoder import Encoder, Tagger
from lookalike_worker.encoding import encode_each
from lookalike_worker.holds import Hold, Holds
from lookalike_worker.loading import Loaded, Loaders
from lookalike_worker.observing import Observer
from lookalike_worker.writing import EncodedBatch, Writer

_QUERY_FETCHES = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pipeline is built of."""

    engine: Engine
    encoder: Encoder
    space_id: int
    fetch: Callable[[ImageRef], bytes]
    decode: Callable[[bytes, Lane], Decoded]
    policy: RetryPolicy
    tagger: Tagger | None = None
    observers: Sequence[Observer] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a pipeline does at a time."""

    worker: str
    lease_s: float
    fetch_threads: int


class Pipeline:
    """One loaded encoder and the threads around it."""

    def __init__(self, parts: Parts, limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._batcher: Batcher[Loaded] = Batcher()
        self.holds = Holds()
        self._writer = Writer(
            parts.engine,
            parts.space_id,
            parts.policy,
            self.holds,
            tagger=parts.tagger,
            observers=parts.observers,
        )
        self._loaders = Loaders(
            parts.fetch,
            parts.decode,
            n_threads={Lane.INTERACTIVE: _QUERY_FETCHES, Lane.BULK: limits.fetch_threads},
            loaded=lambda loaded: self._batcher.put(loaded, loaded.job.lane),
            failed=self._writer.put,
        )
        self._stopping = threading.Event()
        self._encoder_thread = threading.Thread(target=self._encode, name="encoder", daemon=True)
        self._fatal: Exception | None = None
        self.is_abandoned = False

    @property
    def n_finished(self) -> int:
        """Jobs whose outcome was committed."""
        return self._writer.n_finished

    @property
    def fatal(self) -> Exception | None:
        """Why no image can be embedded any more, if so: the process has to end."""
        return self._fatal or self._writer.fatal

    def start(self) -> None:
        self._loaders.start()
        self._encoder_thread.start()
        self._writer.start()

    def run_chunk(self, chunk: Chunk) -> int:
        """Embed a chunk's images; how many jobs were claimed, once all of them are committed.

        Raises StoreUnavailable where the claim cannot be made; the jobs'
        lease then runs out and the relay sends them again.
        """
        hold = self.take_chunk(chunk)
        if hold is None:
            return 0
        hold.ended.wait()
        return hold.n_jobs

    def take_chunk(self, chunk: Chunk) -> Hold | None:
        """Claim a chunk and begin with it; None where nothing was left to claim.

        One that comes after `stop` goes back. Raises StoreUnavailable.
        """
        hold = self.holds.reach(chunk.lease)
        jobs: list[ClaimedJob] = []
        try:
            jobs = self._claim(chunk)
        finally:
            if not jobs:
                self.holds.drop(hold)
        if not jobs:
            return None
        self.holds.take(hold, len(jobs))
        for job in jobs:
            self._loaders.put(job, hold)
        return hold

    def _claim(self, chunk: Chunk) -> list[ClaimedJob]:
        with transaction(self._parts.engine) as connection:
            if self._stopping.is_set():
                leases.give_back(connection, [chunk.lease])
                return []
            return leases.claim(
                connection, chunk, worker=self._limits.worker, lease_s=self._limits.lease_s
            )

    def stop(self, timeout_s: float) -> int:
        """Take nothing more, and finish what is held within `timeout_s` seconds.

        What is not finished by then goes back; how many jobs these are.
        """
        self._stopping.set()
        return 0 if self.holds.wait_until_empty(timeout_s) else self.give_up()

    def give_up(self) -> int:
        """Take nothing more, and give back what is held, with no attempt counted; how many jobs.

        If Postgres cannot be reached, their leases run out instead.
        """
        self._stopping.set()
        leases_held = self.holds.leases()
        self.is_abandoned = self.is_abandoned or bool(leases_held)
        try:
            with transaction(self._parts.engine) as connection:
                return leases.give_back(connection, leases_held, worker=self._limits.worker)
        except Unavailable as error:
            log.warning("leases run out instead of being given back", message=str(error))
            return 0
        finally:
            self.holds.abandon()

    def close(self) -> None:
        """Finish what was taken, commit it, and end the threads.

        After `give_up` some may be amid a fetch or a batch; they end with the process.
        """
        if self.is_abandoned:
            return
        self._loaders.close()
        self._batcher.close()
        self._encoder_thread.join()
        self._writer.close()

    def _encode(self) -> None:
        encoder, observers = self._parts.encoder, self._parts.observers
        while batch := self._batcher.next_batch(encoder.batch_size):
            batched = time.monotonic()
            try:
                answers = encode_each(encoder, [item.picture.pixels for item in batch])
            except Exception as error:
                # Every image is concerned: the process ends, the leases bring the jobs back.
                log.exception("the encoder cannot go on")
                self._fatal = error
                return
            encoded = time.monotonic()
            self._writer.put(EncodedBatch(batch, answers, batched, encoded))
            for observer in observers:
                observer.encoded(len(batch), encoded - batched)
