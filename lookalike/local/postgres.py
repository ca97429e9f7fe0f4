"""A Postgres with pgvector for this machine alone, from a wheel's programs."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from lookalike.errors import ServerNotStarted
from lookalike.local.folders import FolderLock, write_file
from lookalike.local.placement import Placement, place_postgres
from lookalike.local.ports import LOOPBACK, free_port, is_free
from lookalike.local.postgres_data import ENVIRONMENT, NAME, ensure_data, ensure_password
from lookalike.local.processes import Child, Command

_N_PORTS = 3
# A server whose parent was killed still writes a checkpoint before it goes.
_LOCK_TIMEOUT_S = 20
# After a crash the log is replayed first, at most max_wal_size of it.
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 60

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


class EmbeddedPostgres:
    """A Postgres server in a folder, on a free loopback port, with a random password.

    The password and the last port are kept in the folder, so the URL stays
    the same from start to start where it can. `durable=False` trades the
    safety of commits for speed, for tests. `settings` are the server's own,
    such as `shared_buffers`, where the defaults of a small machine do not do.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        durable: bool = True,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folder = folder.absolute()
        self._log = log or self._folder / "postgres.log"
        self._durable = durable
        self._settings = _SETTINGS | ({} if durable else _NOT_DURABLE) | dict(settings)
        self._lock: FolderLock | None = None
        self._child: Child | None = None
        self.url = ""

    def start(self) -> str:
        """Start the server and give its URL, `postgresql://lookalike:…@127.0.0.1:PORT/lookalike`.

        The first start creates the database; a start after a crash recovers
        it; where it runs already, nothing happens. Raises ServerNotStarted,
        with the end of the server's log where it has one, also where another
        process serves the same folder.
        """
        if self.is_running:
            return self.url
        try:
            self.url = self._start()
        except OSError as error:
            self.stop()
            raise ServerNotStarted(
                f"Postgres cannot be started in {self._folder} ({error}): set LOOKALIKE_HOME to a "
                "folder that you own, on a disk with room, or set LOOKALIKE_DATABASE_URL",
                value=str(self._folder),
            ) from error
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Close all connections and end cleanly; nothing to do where it does not run."""
        if self._child is not None:
            self._child.stop(timeout_s=_STOP_TIMEOUT_S)
        if self._lock is not None:
            self._lock.release()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    @property
    def exit_code(self) -> int | None:
        return None if self._child is None else self._child.exit_code

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def obituary(self) -> str:
        """How it ended, with the end of its log."""
        return f"{self.name} was not started" if self._child is None else self._child.obituary()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> str:
        place = place_postgres(self._folder)
        self._take_lock(place)
        password = ensure_password(place)
        ensure_data(place, durable=self._durable)
        port = self._serve(place)
        return f"postgresql://{NAME}:{password}@{LOOPBACK}:{port}/{NAME}"

    def _take_lock(self, place: Placement) -> None:
        # The server's processes inherit the lock: a dead server's last ones are waited for.
        if self._lock is not None:
            self._lock.release()
        self._lock = FolderLock(place.folder / "lock")
        if not self._lock.acquire(_LOCK_TIMEOUT_S):
            raise ServerNotStarted(
                f"another process serves the Postgres in {place.folder}: stop the `lookalike up` "
                "that started it, or set LOOKALIKE_HOME to another folder",
                value=str(place.folder),
            )

    def _serve(self, place: Placement) -> int:
        kept = place.folder / "port"
        text = kept.read_text() if kept.exists() else ""
        port = free_port(int(text) if text.isdecimal() else 0)
        for n_left in reversed(range(_N_PORTS)):
            try:
                self._serve_at(place, port)
            except ServerNotStarted:
                if n_left == 0 or is_free(port):
                    raise
                port = free_port()
            else:
                break
        write_file(kept, str(port), mode=0o644)
        return port

    def _serve_at(self, place: Placement, port: int) -> None:
        pid_file = place.data / "postmaster.pid"
        # Who holds the lock is alone: a file that a killed server left is stale.
        pid_file.unlink(missing_ok=True)
        assert self._lock is not None
        self._child = Child(self._command(place, port))
        self._child.start(inherited=[self._lock.fileno()])
        self._child.wait_until(lambda: _is_ready(pid_file), timeout_s=_START_TIMEOUT_S)

    def _command(self, place: Placement, port: int) -> Command:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        return Command(
            name=self.name,
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


def _is_ready(pid_file: Path) -> bool:
    """Whether the server says so in the eighth line of its file, as pg_ctl reads it."""
    try:
        return pid_file.read_text().splitlines()[7].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False
