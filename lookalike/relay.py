"""The relay: it keeps a bounded window of chunks in Redis, and takes leases back from the dead.

The backlog waits in Postgres. Redis may be flushed, killed or replaced at
any moment: what was in it is leased again. Any number of relays may run side
by side.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing

import structlog
from celery import Celery
from sqlalchemy import Engine

from lookalike import attachments, reembedding
from lookalike.callers import idempotency
from lookalike.database import Listener, open_engine, tallies, transaction
from lookalike.errors import Unavailable
from lookalike.queue import broker, leases, retention, workers
from lookalike.queue.publishing import Publisher
from lookalike.queue.retries import RetryPolicy
from lookalike.settings import Settings
from lookalike.status import metrics
from lookalike.status.metrics import RelayCounts
from lookalike.tables import JOBS_CHANNEL
from lookalike.telemetry import tracing
from lookalike.telemetry.probes import Probes, ProbeServer, missing_round
from lookalike.webhooks import deliveries
from lookalike.webhooks.courier import Courier, delivering

# Notifications wake the relay; this is how long a backoff that ends, or a notification that
# got lost with its connection, waits at most.
POLL_S = 0.5
# Enqueues and commits leave a row each for every kind of change: a thousand in a busy second.
FOLD_S = 1.0
# A portion of each collection that changes its encoder: 5,000 images a second at most.
REEMBED_S = 1.0
# A row of an attached table waits so long at most before it is enqueued.
ATTACHED_S = 1.0
# Once more through images that seem to be embedded in both spaces.
ROUND_S = 60.0
HOUSEKEEPING_S = 60.0
# It reads the list of all uploads.
UPLOADS_S = 3600.0
# A round takes milliseconds and comes twice a second; the one that keeps house takes longer.
READY_S = 10.0

log = structlog.get_logger()


class Relay:
    """Publishes what is ready as long as the window has room; `run` until it is stopped."""

    def __init__(self, engine: Engine, celery: Celery, settings: Settings) -> None:
        self._engine = engine
        self._celery = celery
        self._publisher = Publisher(engine, celery, settings)
        self._keep_jobs_s = settings.keep_jobs_s
        self._policy = RetryPolicy(
            settings.max_attempts, settings.backoff_s, settings.max_backoff_s
        )
        self._due: dict[str, float] = {}
        self.counts = RelayCounts()

    def run(self, listener: Listener, stop: threading.Event) -> None:
        """Work until `stop` is set; an outage of Postgres or Redis is waited out."""
        pause_s = POLL_S
        while not stop.is_set():
            try:
                listener.open()
                if not self.run_once():
                    listener.wait(POLL_S)
                pause_s = POLL_S
            except Unavailable as error:
                self.counts.n_outages += 1
                log.warning("outage", error=error.reason, message=str(error), retry_in_s=pause_s)
                stop.wait(pause_s)
                pause_s = min(10.0, pause_s * 2)

    def run_once(self) -> int:
        """Publish, and where it is time take back what is lost and keep house.

        How many chunks were sent, and jobs freed or made: with none of them, there is
        nothing more to do at once. Publishing comes first: somebody may wait.
        """
        n_chunks = self._publisher.publish_ready()
        self.counts.n_chunks += n_chunks
        n_freed = 0
        if self._is_due("look", POLL_S):
            n_freed = self.take_back().n_jobs + self.notice_lost_memory()
        if self._is_due("tallies", FOLD_S):
            with transaction(self._engine) as connection:
                tallies.fold(connection)
        if self._is_due("reembeddings", REEMBED_S):
            n_freed += reembedding.sweep(self._engine, all_rounds=self._is_due("rounds", ROUND_S))
        if self._is_due("attachments", ATTACHED_S):
            n_freed += attachments.follow(self._engine)
        if self._is_due("house", HOUSEKEEPING_S):
            self.keep_house()
        self.counts.last_round = time.monotonic()
        return n_chunks + n_freed

    def missing(self) -> list[str]:
        """Why the relay is not ready; nothing, if its last round has just succeeded."""
        return missing_round(self.counts.last_round, within_s=READY_S)

    def take_back(self) -> leases.Expired:
        """Free jobs whose lease has run out."""
        with transaction(self._engine) as connection:
            expired = leases.take_back_expired(connection, self._policy)
        self.counts.n_unclaimed += expired.n_unclaimed
        self.counts.n_retried += expired.n_retried
        self.counts.n_failed += expired.n_failed
        if expired != leases.Expired():
            log.warning(
                "leases ran out",
                unclaimed=expired.n_unclaimed,
                retried=expired.n_retried,
                failed=expired.n_failed,
            )
        return expired

    def notice_lost_memory(self) -> int:
        """Free what waits in Redis if Redis was flushed or replaced; how many jobs these are.

        Without it their leases would run out first, and the workers stand idle meanwhile.
        Raises QueueUnavailable.
        """
        if broker.remembers(self._celery):
            return 0
        with transaction(self._engine) as connection:
            n_jobs = leases.take_back_published(connection)
        # Only now: a relay that dies in between leaves it to the next.
        broker.leave_mark(self._celery)
        self.counts.n_losses += 1
        log.info("Redis is new or was emptied", n_jobs=n_jobs)
        return n_jobs

    def keep_house(self) -> None:
        """Forget what is old: queries, requests, deliveries, unused uploads, dead workers, jobs."""
        with transaction(self._engine) as connection:
            retention.purge_queries(connection)
            workers.forget_dead(connection)
            idempotency.forget_requests(connection)
            deliveries.forget(connection)
            if self._is_due("uploads", UPLOADS_S):
                retention.purge_uploads(connection)
        if self._keep_jobs_s:
            n_jobs = retention.prune_jobs(self._engine, older_than_s=self._keep_jobs_s)
            if n_jobs:
                log.info("pruned", n_jobs=n_jobs)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True


def run_relay(settings: Settings, stop: threading.Event) -> None:
    """Build a relay from the settings and run it until `stop` is set."""
    engine = open_engine(settings.require_database(), application="lookalike relay")
    celery = broker.celery_app(settings.require_redis())
    listener = Listener(settings.require_database(), JOBS_CHANNEL)
    relay = Relay(engine, celery, settings)
    end_traces = tracing.configure("lookalike-relay", is_on=settings.traces)
    try:
        with (
            delivering(settings) as courier,
            closing(serve_probes(relay, courier, engine, settings)),
        ):
            log.info("relay started")
            relay.run(listener, stop)
    finally:
        end_traces()
        listener.close()
        celery.close()
        engine.dispose()


def serve_probes(relay: Relay, courier: Courier, engine: Engine, settings: Settings) -> ProbeServer:
    """Serve what is to be known of a relay: ready is one that publishes and tells webhooks."""
    registry = metrics.new_registry()
    registry.register(metrics.RelayCollector(relay.counts))
    registry.register(metrics.BacklogCollector(engine, lease_s=settings.lease_s))
    probes = Probes(
        lambda accept: metrics.render(registry, accept),
        lambda: [*relay.missing(), *courier.missing()],
    )
    return ProbeServer(probes, host=settings.metrics_host, port=settings.metrics_port)
