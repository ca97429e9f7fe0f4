"""All that looks on while a worker works: metrics, spans, probes, and the watchdog's thread."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence

import structlog
from sqlalchemy import text

from lookalike.database import open_engine, transaction
from lookalike.errors import LookalikeError
from lookalike.queue import leases
from lookalike.settings import Settings
from lookalike.status import metrics
from lookalike.telemetry import tracing
from lookalike.telemetry.probes import Probes, ProbeServer, Readiness
from lookalike_worker.encoder import Encoder
from lookalike_worker.heartbeat import Heartbeat
from lookalike_worker.metrics import WorkerMetrics
from lookalike_worker.observing import Observer
from lookalike_worker.pipeline import Pipeline
from lookalike_worker.spans import Spans
from lookalike_worker.watchdog import Seen, Watchdog

WARM = "an encoder that is loaded and warm"
AGREEING = "golden images that agree"
_ANNOUNCED = "an announcement to the relays"

STUCK = 4
"""The exit status of a worker that does not get on; its supervisor starts another."""

# A look that waits longer, for a lock or a busy server, is none.
_LOOK_TIMEOUT_MS = 2000

log = structlog.get_logger()


class Lookout:
    """A worker's probes from the start, its watchdog from `watch` on, until `close`."""

    def __init__(self, settings: Settings) -> None:
        """Raises InvalidSetting where the port is taken, or spans cannot be sent."""
        self._settings = settings
        self._readiness = Readiness(WARM, AGREEING, _ANNOUNCED)
        self._watchdog: Watchdog | None = None
        self._stop = threading.Event()
        registry = metrics.new_registry()
        self._metrics = WorkerMetrics(registry)
        self._end_traces = tracing.configure("lookalike-worker", is_on=settings.traces)
        probes = Probes(lambda accept: metrics.render(registry, accept), self.missing)
        self._probes = ProbeServer(probes, host=settings.metrics_host, port=settings.metrics_port)

    @property
    def observers(self) -> Sequence[Observer]:
        """For the pipeline to tell what it does."""
        spans = [Spans(tracing.Recorder())] if self._settings.traces else []
        return [self._metrics, *spans]

    def has(self, *what: str) -> None:
        """The worker has come so far: WARM, AGREEING."""
        self._readiness.has(*what)

    def missing(self) -> list[str]:
        """Why the worker is not ready; nothing, if it is."""
        missing = self._readiness.missing()
        fault = self._watchdog and self._watchdog.fault(time.monotonic())
        return [*missing, fault] if fault else missing

    def watch(
        self, pipeline: Pipeline, heartbeat: Heartbeat, encoder: Encoder, space_id: int
    ) -> None:
        """Begin to watch a worker that is announced; one that gets stuck ends with status 4."""
        self._readiness.has(_ANNOUNCED)
        self._metrics.show(
            n_held=lambda: pipeline.holds.n_jobs,
            is_ready=lambda: not self.missing(),
            space=f"{encoder.space.encoder}@{encoder.space.digest[:12]}",
            runtime=encoder.runtime,
        )
        watchdog = self._watchdog = Watchdog(
            self._settings.stuck_s, lease_s=self._settings.lease_s, now=time.monotonic()
        )
        watch = _Watch(self._settings.require_database(), pipeline, heartbeat, space_id)
        threading.Thread(
            target=watch.run, args=(watchdog, self._stop), name="watchdog", daemon=True
        ).start()

    def close(self) -> None:
        """Stop to watch, and send the last spans."""
        self._stop.set()
        self._probes.close()
        self._end_traces()


class _Watch:
    """Looks at a worker, by a connection of its own: a busy pool is not an outage."""

    def __init__(
        self, database_url: str, pipeline: Pipeline, heartbeat: Heartbeat, space_id: int
    ) -> None:
        self._engine = open_engine(database_url, pool_size=1, application="lookalike watchdog")
        self._pipeline = pipeline
        self._heartbeat = heartbeat
        self._space_id = space_id

    def run(self, watchdog: Watchdog, stop: threading.Event) -> None:
        while not stop.wait(watchdog.look_every_s):
            seen = self._look()
            watchdog.look(seen, time.monotonic())
            if verdict := watchdog.verdict(time.monotonic()):
                log.error("stuck", why=verdict, seen=seen, exit_status=STUCK)
                sys.stderr.flush()
                # Nothing is lost: what is held is leased again when its lease runs out.
                os._exit(STUCK)
        self._engine.dispose()

    def _look(self) -> Seen | None:
        if not self._heartbeat.is_well:
            return None
        try:
            with transaction(self._engine) as connection:
                connection.execute(text(f"SET LOCAL statement_timeout = {_LOOK_TIMEOUT_MS}"))
                waiting_s = leases.oldest_published_s(connection, self._space_id)
        except LookalikeError as error:
            log.warning("watchdog blind", error=error.reason, message=str(error))
            return None
        n_finished, n_held = self._pipeline.n_finished, self._pipeline.holds.n_jobs
        # What was claimed is either finished or held.
        return Seen(n_finished + n_held, n_finished, n_held, waiting_s, self._heartbeat.n_beats)
