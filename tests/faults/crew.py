"""Workers and relays as real processes, started again whenever they end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.local.processes import Child, Command, stop_together

REPOSITORY = Path(__file__).parents[2]


@dataclass(slots=True, eq=False)
class Part:
    """One process, such as a worker; `is_doomed` while it is meant to end."""

    kind: str
    child: Child
    is_doomed: bool = False

    def signal(self, number: signal.Signals) -> None:
        pid = self.child.pid
        assert pid is not None
        if self.child.is_running:
            self.is_doomed |= number in (signal.SIGKILL, signal.SIGTERM)
            os.kill(pid, number)


@dataclass(slots=True)
class Crew:
    """All parts. `deaths` tells of those that nobody asked for, with the end of their logs."""

    parts: list[Part] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    n_by_pictures: int = 0

    def add(
        self, kind: str, arguments: Sequence[str], variables: Mapping[str, str], logs: Path
    ) -> Part:
        """Start one more: `python ARGUMENT…`."""
        number = sum(part.kind == kind for part in self.parts)
        command = Command(
            name=f"{kind}-{number}",
            arguments=[sys.executable, *arguments],
            environment={**os.environ, **variables},
            log=logs / f"{kind}-{number}.log",
            folder=REPOSITORY,
        )
        part = Part(kind, Child(command))
        self.parts.append(part)
        part.child.start()
        return part

    def of(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]

    def revive(self) -> None:
        """Start again whoever has ended, as an operator's supervisor does."""
        for part in self.parts:
            if part.child.is_running:
                continue
            self._note_death(part)
            part.is_doomed = False
            part.child.start()

    def _note_death(self, part: Part) -> None:
        if part.is_doomed:
            return
        obituary = part.child.obituary()
        if part.kind == "worker" and part.child.exit_code == -signal.SIGKILL:
            self.n_by_pictures += 1
        # A worker that starts without Postgres ends, with the reason.
        elif part.kind != "worker" or "StoreUnavailable" not in obituary:
            self.deaths.append(obituary)
            sys.stderr.write(f"nobody asked for this: {obituary}\n")

    def stop(self) -> None:
        for part in self.parts:
            part.signal(signal.SIGCONT)
        stop_together([part.child for part in self.parts], timeout_s=20)
