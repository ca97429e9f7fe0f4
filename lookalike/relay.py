"""The relay: it keeps a bounded window of chunks in Redis, and takes leases back from the dead.

The backlog waits in Postgres. Redis may be flushed, killed or replaced at
any moment: what was in it is leased again when the lease runs out. Any
number of relays may run side by side.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

import structlog
from celery import Celery
from sqlalchemy import Engine

from lookalike import broker, leases, workers
from lookalike.database import Listener, open_engine, transaction
from lookalike.errors import QueueUnavailable, Unavailable
from lookalike.jobs import Lane
from lookalike.retries import RetryPolicy
from lookalike.settings import Settings
from lookalike.tables import JOBS_CHANNEL

# Notifications wake the relay; this is how long a backoff that ends, or a notification that
# got lost with its connection, waits at most.
POLL_S = 0.5
HOUSEKEEPING_S = 60.0

log = structlog.get_logger()


class Relay:
    """Publishes what is ready as long as the window has room; `run` until it is stopped."""

    def __init__(self, engine: Engine, celery: Celery, settings: Settings) -> None:
        self._engine = engine
        self._celery = celery
        self._lease_s = settings.lease_s
        self._chunk_size = settings.chunk_size
        self._window = settings.window_chunks * settings.chunk_size
        self._policy = RetryPolicy(
            settings.max_attempts, settings.backoff_s, settings.max_backoff_s
        )

    def run(self, listener: Listener, stop: threading.Event) -> None:
        """Work until `stop` is set; an outage of Postgres or Redis is waited out."""
        next_housekeeping = 0.0
        pause_s = POLL_S
        while not stop.is_set():
            try:
                listener.open()
                if time.monotonic() >= next_housekeeping:
                    self.keep_house()
                    next_housekeeping = time.monotonic() + HOUSEKEEPING_S
                self.take_back()
                if self.publish_ready() == 0:
                    listener.wait(POLL_S)
                pause_s = POLL_S
            except Unavailable as error:
                log.warning("outage", error=error.reason, message=str(error), retry_in_s=pause_s)
                stop.wait(pause_s)
                pause_s = min(10.0, pause_s * 2)

    def publish_ready(self) -> int:
        """Lease and publish one round for every live feature space; how many jobs were sent."""
        with transaction(self._engine) as connection:
            live = workers.live_workers(connection, lease_s=self._lease_s)
        n_workers = Counter(worker.space_id for worker in live)
        return sum(
            self._publish(space_id, lane, n * self._window)
            for space_id, n in n_workers.items()
            for lane in Lane
        )

    def take_back(self) -> leases.Expired:
        """Free jobs whose lease has run out."""
        with transaction(self._engine) as connection:
            expired = leases.take_back_expired(connection, self._policy)
        if expired != leases.Expired():
            log.warning(
                "leases ran out",
                unclaimed=expired.n_unclaimed,
                retried=expired.n_retried,
                failed=expired.n_failed,
            )
        return expired

    def keep_house(self) -> None:
        """Forget old query images, unused uploads and dead workers."""
        with transaction(self._engine) as connection:
            leases.purge_queries(connection)
            workers.forget_dead(connection)

    def _publish(self, space_id: int, lane: Lane, window: int) -> int:
        with transaction(self._engine) as connection:
            room = window - leases.count_published(connection, space_id, lane)
            if room <= 0:
                return 0
            chunks = leases.lease_jobs(
                connection,
                space_id,
                lane,
                n=room,
                chunk_size=self._chunk_size,
                lease_s=self._lease_s,
            )
        # Published after the commit: a worker must find the lease that the message names.
        try:
            broker.publish(self._celery, space_id, lane, chunks)
        except QueueUnavailable:
            with transaction(self._engine) as connection:
                leases.unlease(connection, chunks)
            raise
        return sum(len(chunk.job_ids) for chunk in chunks)


def run_relay(settings: Settings, stop: threading.Event) -> None:
    """Build a relay from the settings and run it until `stop` is set."""
    engine = open_engine(settings.require_database(), application="lookalike relay")
    celery = broker.celery_app(settings.require_redis())
    listener = Listener(settings.require_database(), JOBS_CHANNEL)
    try:
        log.info("relay started")
        Relay(engine, celery, settings).run(listener, stop)
    finally:
        listener.close()
        celery.close()
        engine.dispose()
