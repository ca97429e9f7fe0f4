"""The product as a user starts it: embedded servers, a relay and a worker, each a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.worker import Bare
from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.environment import environment
from lookalike.local.postgres import embedded_postgres
from lookalike.local.valkey import embedded_valkey
from lookalike.settings import Settings
from lookalike_migrations import migrate

ROOT = Path(__file__).parents[1]

_START_S = 300
_STOP_S = 60


@dataclass(slots=True)
class Installation:
    """Servers, a client, and the processes that were started beside them."""

    folder: Path
    settings: Settings
    client: Lookalike
    engine: Engine
    postgres: int
    """The server's process."""
    bare: list[Bare] = field(default_factory=list)
    """What the last worker measured of its encoder, before and after; after it has ended."""

    @contextmanager
    def running(self, *arguments: str, python: str = sys.executable) -> Iterator[int]:
        """A process of Python until the block ends; gives its number. SIGTERM ends it."""
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [python, *arguments],
                env=environment() | self.settings.environment(),
                cwd=ROOT,
                stdout=file,
                stderr=file,
            )
        try:
            yield process.pid
            if process.poll() is not None:
                sys.exit(f"{arguments} ended:\n{log.read_text()[-3000:]}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def serving(self, *, paced: bool = False) -> Iterator[dict[str, int]]:
        """A relay and a worker that takes jobs; gives the processes, with Postgres's, by name."""
        file = self.folder / "bare.jsonl"
        file.unlink(missing_ok=True)
        option = ["--paced"] if paced else []
        before = {worker.id for worker in self.client.status().workers}

        def is_ready() -> bool:
            return any(worker.id not in before for worker in self.client.status().workers)

        with (
            self.running("-m", "lookalike.cli", "relay") as relay,
            self.running("-m", "benchmarks.worker", str(file), *option) as worker,
        ):
            until(lambda: is_ready() or not _is_alive(worker), timeout_s=_START_S)
            if is_ready():
                self.bare = Bare.read(file)
                yield {"worker": worker, "relay": relay, "postgres": self.postgres}
        self.bare = Bare.read(file)

    def scalar(self, statement: str) -> float:
        """One number out of the database."""
        with transaction(self.engine) as connection:
            return float(connection.scalar(text(statement)) or 0)

    def column(self, statement: str) -> list[float]:
        with transaction(self.engine) as connection:
            return [float(value) for value in connection.scalars(text(statement))]

    def run(self, *statements: str) -> None:
        """Statements outside a transaction, one after another."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))

    def empty(self) -> None:
        """Forget all jobs and images, and let Postgres write out what is left to write."""
        self.run(
            "TRUNCATE lookalike.jobs, lookalike.images, lookalike.leases, lookalike.tallies, "
            "lookalike.uploads CASCADE",
            "CHECKPOINT",
        )


@contextmanager
def installed(**options: object) -> Iterator[Installation]:
    """Durable servers in a folder that is removed at the end; options become settings."""
    # Without it the worker would outlive a benchmark that is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, valkey = (
            embedded_postgres(folder / "postgres"),
            embedded_valkey(folder / "valkey"),
        )
        with postgres, valkey:
            migrate(postgres.url)
            variables = {f"LOOKALIKE_{key.upper()}": str(value) for key, value in options.items()}
            urls = {
                "LOOKALIKE_DATABASE_URL": postgres.url,
                "LOOKALIKE_REDIS_URL": valkey.url,
            }
            settings = Settings.load(environment() | variables | urls)
            engine = open_engine(postgres.url)
            assert postgres.pid is not None
            with Lookalike(settings=settings) as client:
                yield Installation(folder, settings, client, engine, postgres.pid)
            engine.dispose()


def until(holds: Callable[[], bool], *, timeout_s: float, every_s: float = 0.1) -> None:
    """Wait for a condition; ends the benchmark where it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"nothing came of it in {timeout_s:.0f} s: is the machine busy?")
        time.sleep(every_s)


def cpu_s(pid: int) -> float:
    """Processor time of a process and all below it, the ended ones too."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        below = sum(cpu_s(int(child)) for child in children)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + below


def _is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
