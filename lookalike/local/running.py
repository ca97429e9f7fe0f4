"""What other commands on this machine may know of a running all-in-one: its URLs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lookalike.local.folders import is_locked, write_file


@dataclass(frozen=True, slots=True)
class Running:
    """A running stack, as `<home>/running.json` tells it to its owner alone."""

    pid: int
    database_url: str
    redis_url: str
    api_url: str


def lock_path(home: Path) -> Path:
    """The file that a running stack keeps locked; it tells a live stack from what one left."""
    return home / "lock"


def announce(home: Path, *, database_url: str, redis_url: str, api_url: str) -> None:
    """Write down where this process's stack can be reached."""
    running = Running(os.getpid(), database_url, redis_url, api_url)
    write_file(_path(home), json.dumps(asdict(running), indent=2) + "\n")


def withdraw(home: Path) -> None:
    """Remove what `announce` wrote."""
    _path(home).unlink(missing_ok=True)


def find_running(home: Path) -> Running | None:
    """The stack that runs in this home; None where none does, or where it is another user's."""
    try:
        if not is_locked(lock_path(home)):
            return None
        return Running(**json.loads(_path(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def running_environment(home: Path) -> dict[str, str]:
    """The variables that point a command at the stack running in this home; empty without one."""
    running = find_running(home)
    if running is None:
        return {}
    return {
        "LOOKALIKE_DATABASE_URL": running.database_url,
        "LOOKALIKE_REDIS_URL": running.redis_url,
    }


def _path(home: Path) -> Path:
    return home / "running.json"
