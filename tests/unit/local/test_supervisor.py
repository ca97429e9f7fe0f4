"""What supervision does with parts that die, seen with parts that only pretend."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

import pytest

from lookalike.errors import Misconfigured
from lookalike.local.supervisor import check_parts, supervise


@dataclass
class Pretender:
    """A part that is dead until it has been started often enough; then it ends the test."""

    exit_code: int | None = 1
    n_starts_to_live: int = 0
    name: str = "worker"
    n_starts: int = 0
    lives: Event = field(default_factory=Event)

    @property
    def is_running(self) -> bool:
        return self.n_starts >= self.n_starts_to_live

    def start(self) -> None:
        self.n_starts += 1
        if self.is_running:
            self.lives.set()

    def obituary(self) -> str:
        return f"{self.name} ended; its last words"


def test_a_part_that_died_is_started_again() -> None:
    part = Pretender(n_starts_to_live=1)
    supervise([part], part.lives)
    assert part.n_starts == 1


def test_a_misconfigured_part_is_not_started_again() -> None:
    part = Pretender(exit_code=2, n_starts_to_live=1)
    with pytest.raises(Misconfigured, match="its last words"):
        supervise([part], Event())
    assert part.n_starts == 0


def test_a_dead_part_fails_the_check_with_its_last_words() -> None:
    with pytest.raises(Misconfigured, match="its last words"):
        check_parts([Pretender(), Pretender(n_starts_to_live=1)])
