"""Publishing straight from a producer that reaches Redis, with no relay to be woken first."""

from __future__ import annotations

import os
import threading
import time

import structlog
from sqlalchemy import Engine

from lookalike.errors import Unavailable
from lookalike.settings import Settings

# After an outage the relay is trusted alone for so long: a producer must not wait for timeouts.
_SILENCE_S = 30.0

_PATIENCE_S = 1.0

log = structlog.get_logger()


class Doorbell:
    """Publishes what is ready, as a relay does, in a thread of its own; it never fails a producer.

    What it cannot publish, a relay will. It needs LOOKALIKE_REDIS_URL.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._rung = threading.Event()
        self._is_closed = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def ring(self) -> None:
        """Jobs were committed: publish them soon, as far as the windows have room."""
        if self._settings.redis_url:
            if self._pid != os.getpid():
                self._start()
            self._rung.set()

    def close(self) -> None:
        """End the thread; where it waits for a server that is down, it ends later."""
        self._is_closed = True
        self._rung.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(_PATIENCE_S)

    def _start(self) -> None:
        """Start the thread, also in a process that was forked from the one where it ran."""
        with self._starting:
            if self._pid != os.getpid():
                self._rung = threading.Event()
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()
                self._pid = os.getpid()

    def _run(self) -> None:
        # Celery takes a third of a second to import: only those who publish pay for it.
        from lookalike.queue import broker
        from lookalike.queue.publishing import Publisher

        celery = broker.celery_app(self._settings.redis_url)
        publisher = Publisher(self._engine, celery, self._settings)
        silent_until = 0.0
        while True:
            self._rung.wait()
            self._rung.clear()
            if self._is_closed:
                break
            if time.monotonic() < silent_until:
                continue
            try:
                publisher.publish_ready()
            except Unavailable as error:
                silent_until = time.monotonic() + _SILENCE_S
                log.info("left to the relay", error=error.reason, message=str(error))
            except Exception:
                # The relay has the last word; a web app must not lose its thread to this.
                log.exception("doorbell failed")
                silent_until = time.monotonic() + _SILENCE_S
        celery.close()
