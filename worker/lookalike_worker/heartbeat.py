"""The worker's sign of life: it renews its leases and says how far it has come."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import Engine, text

from lookalike.database import transaction
from lookalike.errors import Unavailable
from lookalike.queue import leases, workers
from lookalike_worker.pipeline import Pipeline

# A status that is older than this looks like a hang.
_MOST_S = 5.0
# Jobs without a feature space are adopted meanwhile; their producer may keep them locked.
_LOCK_TIMEOUT_MS = 2000

log = structlog.get_logger()


class Heartbeat:
    """A thread that beats at least three times a lease until it is stopped.

    `n_beats` counts those that have ended; `is_well` is whether the last one reached Postgres.
    """

    def __init__(
        self,
        engine: Engine,
        worker: str,
        space_id: int,
        *,
        lease_s: float,
        pipeline: Pipeline,
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._space_id = space_id
        self._lease_s = lease_s
        self._pipeline = pipeline
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.n_beats = 0
        self.is_well = True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(min(self._lease_s / 3, _MOST_S)):
            try:
                self._beat()
                self.is_well = True
            except Unavailable as error:
                self.is_well = False
                log.warning("heartbeat missed", message=str(error))
            self.n_beats += 1

    def _beat(self) -> None:
        holds = self._pipeline.holds
        # In a transaction of its own: what others lock must not cost the worker its leases.
        with transaction(self._engine) as connection:
            leases.renew(connection, holds.leases(), worker=self._worker, lease_s=self._lease_s)
        with transaction(self._engine) as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}"))
            workers.heartbeat(
                connection,
                self._worker,
                self._space_id,
                n_done=self._pipeline.n_finished,
                n_held=holds.n_jobs,
            )
