"""Who looks on while a worker works: metrics and traces; the pipeline knows neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lookalike.jobs import Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """A committed outcome; its job was claimed at `claimed_ns`, nanoseconds of the wall clock."""

    outcome: Outcome
    claimed_ns: int


class Observer(Protocol):
    """Is told what happens, in the thread in which it happens; it must be quick and not raise."""

    def encoded(self, n_images: int, seconds: float) -> None:
        """A call of the encoder has ended."""

    def committed(self, finished: Sequence[Finished], seconds: float) -> None:
        """A transaction has ended; it took so long, with the waits for Postgres to come back."""
