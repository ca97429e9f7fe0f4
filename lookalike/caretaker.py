"""A process that sees to indexes and maps: once, or again and again until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import structlog
from sqlalchemy import Engine

from lookalike.database import check_schema, open_engine
from lookalike.errors import Unavailable
from lookalike.indexes import BuildStep, Care, Policy, upkeep
from lookalike.maps import make_wanted
from lookalike.settings import Settings
from lookalike.status import metrics
from lookalike.status.metrics import CapturedCollector
from lookalike.telemetry.probes import Probes, ProbeServer

log = structlog.get_logger()


class _Stopped(Exception):
    """What breaks a build off when the process has to end; the next one goes on with it."""


class Caretaker:
    """Rounds of `upkeep`; tells what it did, and remembers how far each collection has drifted."""

    def __init__(self, engine: Engine, policy: Policy, stop: threading.Event) -> None:
        self._engine = engine
        self._policy = policy
        self._stop = stop
        self._outage: str | None = "a first look at the collections"
        self.captured: dict[str, float] = {}

    def once(self) -> Iterator[Care]:
        """See to all collections; raises StoreUnavailable. Ends early when it has to stop."""
        check_schema(self._engine)
        self._outage = None
        try:
            for care in upkeep(self._engine, self._policy, watch=self._go_on):
                if care.captured_ratio is not None:
                    self.captured[care.collection] = care.captured_ratio
                yield care
            for made in make_wanted(self._engine):
                log.info("map made", collection=made.collection, n_points=made.n_points)
        except _Stopped:
            log.info("upkeep stopped", left="the next round goes on with the build")

    def run(self, every_s: float) -> None:
        """Again and again until it is stopped; an outage of Postgres is waited out."""
        while not self._stop.is_set():
            try:
                for _ in self.once():
                    if self._stop.is_set():
                        break
            except Unavailable as error:
                self._outage = f"Postgres: {error}"
                log.warning("outage", error=error.reason, message=str(error), retry_in_s=every_s)
            self._stop.wait(every_s)

    def missing(self) -> list[str]:
        """Why it is not ready; a build that takes an hour is no reason."""
        return [] if self._outage is None else [self._outage]

    def _go_on(self, _: BuildStep) -> None:
        if self._stop.is_set():
            raise _Stopped


def run_once(settings: Settings, stop: threading.Event) -> Iterator[Care]:
    """One round; what was done, as it is done."""
    engine = _open(settings)
    try:
        yield from Caretaker(engine, _policy(settings), stop).once()
    finally:
        engine.dispose()


def run_caretaker(settings: Settings, stop: threading.Event, *, every_s: float) -> None:
    """Rounds until `stop` is set, with probes where the settings give them a port."""
    engine = _open(settings)
    caretaker = Caretaker(engine, _policy(settings), stop)
    registry = metrics.new_registry()
    registry.register(CapturedCollector(caretaker.captured))
    probes = ProbeServer(
        Probes(lambda accept: metrics.render(registry, accept), caretaker.missing),
        host=settings.metrics_host,
        port=settings.metrics_port,
    )
    try:
        log.info("upkeep started", every_s=every_s)
        caretaker.run(every_s)
    finally:
        probes.close()
        engine.dispose()


def _open(settings: Settings) -> Engine:
    return open_engine(settings.require_database(), pool_size=2, application="lookalike upkeep")


def _policy(settings: Settings) -> Policy:
    return Policy(settings.index_rows, settings.recall_s)
