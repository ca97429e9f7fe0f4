"""A Postgres with pgvector for this machine alone, from a wheel's programs."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lookalike.local.folders import write_file
from lookalike.local.placement import Placement, place_postgres
from lookalike.local.ports import LOOPBACK
from lookalike.local.postgres_data import ENVIRONMENT, NAME, ensure_data, ensure_password
from lookalike.local.processes import Command
from lookalike.local.server import About, Server

_ABOUT = About(
    name="postgres",
    title="Postgres",
    instead="LOOKALIKE_DATABASE_URL",
    # A server whose parent was killed still writes a checkpoint before it goes.
    lock_timeout_s=20,
    # After a crash the log is replayed first, at most max_wal_size of it.
    start_timeout_s=120,
    stop_timeout_s=60,
)

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    # A socket's path may have 107 bytes only; TCP serves everyone.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    # Parallel index builds: containers limit POSIX shared memory to 64 MB, but not this kind.
    "dynamic_shared_memory_type": "sysv",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def embedded_postgres(
    folder: Path,
    *,
    log: Path | None = None,
    durable: bool = True,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Server:
    """A Postgres server in a folder, on a free loopback port, with a random password.

    Its URL is `postgresql://lookalike:…@127.0.0.1:PORT/lookalike`; the
    password and the last port are kept in the folder, so the URL stays the
    same from start to start where it can. `durable=False` trades the safety
    of commits for speed, for tests. `settings` are the server's own, such as
    `shared_buffers`, where the defaults of a small machine do not do.
    """
    folder = folder.absolute()
    chosen = _SETTINGS | ({} if durable else _NOT_DURABLE) | dict(settings)
    return Server(_Postgres(folder, log or folder / "postgres.log", durable, chosen), folder)


class _Postgres:
    about = _ABOUT

    def __init__(self, folder: Path, log: Path, durable: bool, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._log = log
        self._durable = durable
        self._settings = settings
        self._placement: Placement | None = None
        self._password = ""

    @property
    def last_port(self) -> int:
        kept = self._kept_port
        text = kept.read_text() if kept.exists() else ""
        return int(text) if text.isdecimal() else 0

    def place(self) -> Path:
        self._placement = place_postgres(self._folder)
        return self._placement.folder

    def prepare(self) -> None:
        self._password = ensure_password(self._placed)
        ensure_data(self._placed, durable=self._durable)

    def command(self, port: int) -> Command:
        # Who holds the lock is alone: a file that a killed server left is stale.
        self._pid_file.unlink(missing_ok=True)
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        place = self._placed
        return Command(
            name=self.about.name,
            arguments=[
                place.program("postgres"),
                "-D",
                str(place.data),
                f"--port={port}",
                *options,
            ],
            environment=ENVIRONMENT,
            log=self._log,
            # "Fast": ends the connections instead of waiting for them.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            account=place.account,
            folder=Path("/"),
        )

    def is_ready(self, port: int) -> bool:
        """Whether the server says so in the eighth line of its file, as pg_ctl reads it."""
        del port
        try:
            return self._pid_file.read_text().splitlines()[7].strip() == "ready"
        except (FileNotFoundError, IndexError):
            return False

    def url(self, port: int) -> str:
        write_file(self._kept_port, str(port), mode=0o644)
        return f"postgresql://{NAME}:{self._password}@{LOOPBACK}:{port}/{NAME}"

    @property
    def _placed(self) -> Placement:
        assert self._placement is not None, "it has a place before anything else"
        return self._placement

    @property
    def _pid_file(self) -> Path:
        return self._placed.data / "postmaster.pid"

    @property
    def _kept_port(self) -> Path:
        return self._placed.folder / "port"
