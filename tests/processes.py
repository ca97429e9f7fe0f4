"""Real processes of an installation, for tests that kill them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Self

from lookalike.client import Lookalike
from lookalike.settings import Settings

REPOSITORY = Path(__file__).parents[1]
CACHE = REPOSITORY / ".cache"
SHARED = REPOSITORY.parent / "shared"


class Processes:
    """Workers and relays on one database and one Redis; all are killed at the end."""

    def __init__(self, database_url: str, redis_url: str, folder: Path, **options: object) -> None:
        variables = {
            "LOOKALIKE_DATABASE_URL": database_url,
            "LOOKALIKE_REDIS_URL": redis_url,
            "LOOKALIKE_HOME": str(CACHE),
            "LOOKALIKE_ENCODER": "fake",
            "LOOKALIKE_FILE_ROOTS": "/",
            "LOOKALIKE_LEASE_S": "60",
            "LOOKALIKE_BACKOFF_S": "0.2",
        } | {f"LOOKALIKE_{name.upper()}": str(value) for name, value in options.items()}
        self.settings = Settings.load(variables)
        self.client = Lookalike(settings=self.settings)
        self._folder = folder
        self._variables = variables
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start `lookalike COMMAND`; its log goes to the test's folder."""
        log = self._folder / f"{command}-{len(self._running)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "lookalike.cli", command],
                env={**os.environ, **self._variables},
                stdout=file,
                stderr=file,
            )
        self._running.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it takes jobs."""
        before = {worker.id for worker in self.client.status().workers}
        process = self.start("worker")
        self.until(
            lambda: (
                process.poll() is not None
                or any(worker.id not in before for worker in self.client.status().workers)
            ),
            timeout_s=240,
        )
        assert process.poll() is None, self.logs()
        return process

    def until(self, holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
        """Wait for a condition; fails with the processes' logs."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.02)

    def logs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self._folder.glob("*.log"))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number in (SIGTERM, SIGKILL):
            for process in self._running:
                with suppress(ProcessLookupError):
                    process.send_signal(number)
            for process in self._running:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=15)
        self.client.close()
