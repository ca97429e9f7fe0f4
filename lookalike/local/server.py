"""A server for this machine alone: one process, which nobody else's shares its folder with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from lookalike.errors import ServerNotStarted
from lookalike.local.folders import FolderLock
from lookalike.local.ports import free_port, is_free
from lookalike.local.processes import Child, Command

_N_PORTS = 3


@dataclass(frozen=True, slots=True)
class About:
    """What a kind of server is called, and how long it is waited for.

    `lock_timeout_s` is for the last processes of one that was killed.
    """

    name: str
    title: str
    instead: str
    """The setting that names a server which runs already."""

    lock_timeout_s: float
    start_timeout_s: float
    stop_timeout_s: float


class Service(Protocol):
    """A kind of server in a folder; `place` comes first, and `prepare` under the folder's lock."""

    about: About

    @property
    def last_port(self) -> int:
        """The one to take again where it is free; 0 is any."""

    def place(self) -> Path:
        """Find or make the folder that it serves."""

    def prepare(self) -> None:
        """Make what is missing there."""

    def command(self, port: int) -> Command:
        """What is run."""

    def is_ready(self, port: int) -> bool:
        """Whether the process that was started answers."""

    def url(self, port: int) -> str:
        """Where it is from now on."""


class Server:
    """A server of some kind on a free loopback port; it can be started again after it died."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._about = service.about
        self._folder = folder
        self._lock: FolderLock | None = None
        self._child: Child | None = None
        self.url = ""

    @property
    def name(self) -> str:
        return self._about.name

    def start(self) -> str:
        """Start the server and give its URL, with its password.

        The first start makes what is missing; a start after a crash recovers
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
                f"{self._about.title} cannot be started in {self._folder} ({error}): set "
                "LOOKALIKE_HOME to a folder that you own, on a disk with room, or set "
                f"{self._about.instead}",
                value=str(self._folder),
            ) from error
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Close all connections and end cleanly; nothing to do where it does not run."""
        if self._child is not None:
            self._child.stop(timeout_s=self._about.stop_timeout_s)
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

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> str:
        lock = self._taken_lock(self._service.place())
        self._service.prepare()
        port = free_port(self._service.last_port)
        for n_left in reversed(range(_N_PORTS)):
            try:
                self._serve(port, lock)
            except ServerNotStarted:
                if n_left == 0 or is_free(port):
                    raise
                port = free_port()
            else:
                break
        return self._service.url(port)

    def _taken_lock(self, folder: Path) -> FolderLock:
        # The server's processes inherit the lock: a dead server's last ones are waited for.
        if self._lock is not None:
            self._lock.release()
        self._lock = FolderLock(folder / "lock")
        if not self._lock.acquire(self._about.lock_timeout_s):
            raise ServerNotStarted(
                f"another process serves the {self._about.title} in {folder}: stop the "
                "`lookalike up` that started it, or set LOOKALIKE_HOME to another folder",
                value=str(folder),
            )
        return self._lock

    def _serve(self, port: int, lock: FolderLock) -> None:
        self._child = Child(self._service.command(port))
        self._child.start(inherited=[lock.fileno()])
        self._child.wait_until(
            lambda: self._service.is_ready(port), timeout_s=self._about.start_timeout_s
        )
