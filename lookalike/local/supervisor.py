"""Keeps processes alive: starts again what died, with a growing pause."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

import structlog

from lookalike.errors import Misconfigured
from lookalike.local.restarts import Restarts

_log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.2
# What our commands end with when the operator has to act: trying again changes nothing.
_MISCONFIGURED = 2


class Part(Protocol):
    """A process that can be looked at and started again."""

    @property
    def name(self) -> str: ...

    @property
    def is_running(self) -> bool: ...

    @property
    def exit_code(self) -> int | None: ...

    def start(self) -> object: ...

    def obituary(self) -> str: ...


def check_parts(parts: Sequence[Part]) -> None:
    """Raise Misconfigured, with the end of the log, where a process has ended."""
    for part in parts:
        if not part.is_running:
            raise Misconfigured(part.obituary(), value=part.name)


def supervise(parts: Sequence[Part], stop: Event) -> None:
    """Start again what dies, in the order of the parts, until `stop` is set.

    Raises Misconfigured, with the end of the log, where a part says that it is
    misconfigured or keeps dying soon after its start.
    """
    watched = [_Watched(part) for part in parts]
    while not stop.wait(_LOOK_EVERY_S):
        for one in watched:
            one.look(time.monotonic())


@dataclass(slots=True)
class _Watched:
    part: Part
    restarts: Restarts = field(default_factory=Restarts)
    started_at: float = field(default_factory=time.monotonic)
    start_at: float | None = None

    def look(self, now: float) -> None:
        if self.start_at is None:
            if not self.part.is_running:
                self._died(now)
        elif now >= self.start_at:
            self.start_at = None
            self.started_at = now
            self.part.start()
            _log.info("restarted", part=self.part.name)

    def _died(self, now: float) -> None:
        obituary = self.part.obituary()
        if self.part.exit_code == _MISCONFIGURED:
            raise Misconfigured(obituary, value=self.part.name)
        pause_s = self.restarts.pause_s(now - self.started_at)
        if pause_s is None:
            raise Misconfigured(
                f"{self.part.name} died {self.restarts.n_early_deaths} times soon after its "
                f"start, and is not started again. {obituary}",
                value=self.part.name,
            )
        _log.warning("died", part=self.part.name, restart_in_s=pause_s, obituary=obituary)
        self.start_at = now + pause_s
