"""Outcomes to committed rows: one thread that gathers what is ready and commits it together."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy import Engine

from lookalike import store
from lookalike.database import transaction
from lookalike.errors import LookalikeError, Rejected, Unavailable
from lookalike.features import Features
from lookalike.jobs import ClaimedJob, Embedded, Failure, Lane, Outcome, Trace
from lookalike.queue.retries import RetryPolicy
from lookalike_worker.encoder import Tagger
from lookalike_worker.encoding import tagged
from lookalike_worker.holds import Hold, Holds
from lookalike_worker.loading import Loaded, Unloadable
from lookalike_worker.observing import Finished, Observer

# One commit of 256 rows of 4,032 features is 2 MB: large enough to be cheap.
_MAX_COMMIT = 256
# A commit costs Postgres and this process some milliseconds, whatever its size, and an encoder of
# one image a batch would make one for each. Fewer rows than these wait for more.
_LARGE_COMMIT = 64
_GATHER_S = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A batch's answers, one an image, and when the encoder took it and gave it back."""

    items: Sequence[Loaded]
    answers: Sequence[Features | LookalikeError]
    batched: float
    encoded: float


Result = EncodedBatch | Unloadable


class Writer:
    """Commits results in the order in which they come, as many at a time as have come.

    Not in the encoder's thread: an accelerator would wait for Postgres.
    """

    def __init__(
        self,
        engine: Engine,
        space_id: int,
        policy: RetryPolicy,
        holds: Holds,
        *,
        tagger: Tagger | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._engine = engine
        self._space_id = space_id
        self._policy = policy
        self._holds = holds
        self._tagger = tagger
        self._observers = observers
        self._results: SimpleQueue[Result | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.n_finished = 0
        self.fatal: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def put(self, result: Result) -> None:
        """Commit a result soon."""
        self._results.put(result)

    def close(self) -> None:
        """Commit what was put, then end the thread."""
        self._results.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open and self.fatal is None:
            entries, is_open = self._gather()
            if entries:
                try:
                    self._finish(entries)
                except Exception as error:
                    # Every image is concerned: the process ends, the leases bring the jobs back.
                    log.exception("outcomes cannot be written")
                    self.fatal = error

    def _gather(self) -> tuple[list[tuple[Outcome, Hold]], bool]:
        """What is committed together, and whether more may come: all that is there.

        Few bulk images wait a moment for more; a query's answer never does.
        """
        entries: list[tuple[Outcome, Hold]] = []
        result = self._results.get()
        deadline = time.monotonic() + _GATHER_S
        while result is not None:
            entries += self._outcomes(result)
            if len(entries) >= _MAX_COMMIT:
                return entries, True
            may_wait = len(entries) < _LARGE_COMMIT and not _is_awaited(entries)
            left_s = deadline - time.monotonic() if may_wait else 0.0
            try:
                result = self._results.get(timeout=max(0.0, left_s))
            except Empty:
                return entries, True
        return entries, False

    def _finish(self, entries: Sequence[tuple[Outcome, Hold]]) -> None:
        started = time.monotonic()
        outcomes = tagged(self._tagger, [outcome for outcome, _ in entries])
        counts = Counter(hold for _, hold in entries)
        self._commit(outcomes, self._holds.ends_with(counts))
        self.n_finished += len(entries)
        self._holds.count_down(counts)
        seconds = time.monotonic() - started
        finished = [
            Finished(outcome, hold.claimed_ns)
            for outcome, (_, hold) in zip(outcomes, entries, strict=True)
        ]
        for observer in self._observers:
            observer.committed(finished, seconds)

    def _commit(self, outcomes: Sequence[Outcome], ended: Sequence[int]) -> None:
        """Commit, waiting out any outage: the work is done and must not be lost."""
        pause_s = 0.1
        while True:
            try:
                with transaction(self._engine) as connection:
                    store.commit_outcomes(connection, self._space_id, outcomes, ended=ended)
                return
            except Unavailable as error:
                log.warning("cannot commit yet", message=str(error), retry_in_s=pause_s)
            except Exception as error:  # noqa: BLE001 - whatever it is, each job gets its outcome
                self._commit_apart(outcomes, error)
                return
            time.sleep(pause_s)
            pause_s = min(5.0, pause_s * 2)

    def _commit_apart(self, outcomes: Sequence[Outcome], error: Exception) -> None:
        """A row that the database refuses takes no neighbour along: it fails alone."""
        if len(outcomes) > 1:
            for outcome in outcomes:
                self._commit([outcome], ())
        elif isinstance(outcomes[0], Embedded):
            self._commit([self._failure(outcomes[0].job, error, outcomes[0].trace)], ())
        else:
            # Not even a failure can be written: the process ends, and the lease runs out.
            raise error

    def _outcomes(self, result: Result) -> list[tuple[Outcome, Hold]]:
        if isinstance(result, Unloadable):
            job, hold = result.job, result.hold
            trace = Trace(result.fetched and hold.since_ms(result.fetched))
            return [(self._failure(job, result.error, trace), hold)]
        return [
            (self._outcome(item, answer, result), item.hold)
            for item, answer in zip(result.items, result.answers, strict=True)
        ]

    def _outcome(
        self, item: Loaded, answer: Features | LookalikeError, batch: EncodedBatch
    ) -> Outcome:
        moments = (item.fetched, item.decoded, batch.batched, batch.encoded)
        trace = Trace(*map(item.hold.since_ms, moments))
        if isinstance(answer, LookalikeError):
            return self._failure(item.job, answer, trace)
        return Embedded(item.job, item.key, answer, trace, thumbnail=item.picture.thumbnail)

    def _failure(self, job: ClaimedJob, error: Exception, trace: Trace) -> Failure:
        if not isinstance(error, LookalikeError):
            log.error("unexpected error", job=job.id, exc_info=error)
        reason = error.reason if isinstance(error, LookalikeError) else type(error).__name__
        wait_s = (
            None
            if isinstance(error, Rejected)
            else self._policy.wait_s(job.attempts, random.random())  # noqa: S311
        )
        return Failure(job, reason, str(error)[:2000], wait_s, trace)


def _is_awaited(entries: Sequence[tuple[Outcome, Hold]]) -> bool:
    return any(outcome.job.lane is Lane.INTERACTIVE for outcome, _ in entries)
