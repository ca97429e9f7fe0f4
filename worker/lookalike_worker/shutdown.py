"""The worker's end: at the first signal it finishes within a bound, at the second at once."""

from __future__ import annotations

import threading

import structlog

from lookalike_worker.pipeline import Pipeline

log = structlog.get_logger()


class Shutdown:
    """Ends a pipeline, in threads of its own: a signal's handler must not wait for Postgres."""

    def __init__(self, pipeline: Pipeline, *, bound_s: float) -> None:
        self._pipeline = pipeline
        self._bound_s = bound_s
        self._asked = threading.Event()
        self._insisted = threading.Event()
        for what in (self._finish, self._give_up):
            threading.Thread(target=what, name="shutdown", daemon=True).start()

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """A signal came; signal handlers may call this."""
        if self._asked.is_set():
            self._insisted.set()
        self._asked.set()

    def _finish(self) -> None:
        self._asked.wait()
        log.info("stopping", held=self._pipeline.holds.n_jobs, bound_s=self._bound_s)
        if n_back := self._pipeline.stop(self._bound_s):
            log.warning("given back unfinished", n_jobs=n_back)

    def _give_up(self) -> None:
        self._insisted.wait()
        if n_back := self._pipeline.give_up():
            log.warning("given back unfinished", n_jobs=n_back)
