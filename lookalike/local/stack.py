"""The all-in-one: servers, schema, relay, worker, API and upkeep on this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Self

import structlog

from lookalike.errors import Misconfigured
from lookalike.local.folders import FolderLock, make_folder
from lookalike.local.ports import free_port
from lookalike.local.postgres import embedded_postgres
from lookalike.local.processes import Child, Command, stop_together
from lookalike.local.running import (
    announce,
    find_running,
    lock_path,
    running_environment,
    withdraw,
)
from lookalike.local.server import Server
from lookalike.local.supervisor import Part, check_parts, supervise
from lookalike.local.valkey import embedded_valkey
from lookalike.settings import PREFIX, Settings, environment

__all__ = ["Stack", "running_environment"]

_log = structlog.get_logger(__name__)

# Who asks whether a stack runs holds its lock for a moment.
_LOCK_TIMEOUT_S = 1
_MIGRATE_TIMEOUT_S = 600
# A worker ends the batch in hand; what it does not finish is leased again.
_STOP_TIMEOUT_S = 30
# A collection that has grown gets its index so soon; a look costs a few short queries.
_UPKEEP_EVERY_S = 60


class Stack:
    """Everything on one machine while the context lasts; nothing of it runs afterwards.

    Servers that the settings name are used; where none is named, an embedded
    one is started in `settings.home`. A home has one stack at a time. Enter it
    from a thread that lives as long as the stack.
    """

    def __init__(self, settings: Settings) -> None:
        home = settings.home.expanduser().absolute()
        self.settings = settings.model_copy(update={"home": home, **_open_to_itself(settings)})
        self._logs = home / "logs"
        self._parts: list[Part] = []
        self._ending = ExitStack()

    @property
    def asks_for_keys(self) -> bool:
        return self.settings.api_keys == "required"

    @property
    def api_url(self) -> str:
        host = self.settings.api_host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.api_port}"

    def __enter__(self) -> Self:
        """Start everything; raises Misconfigured where something cannot be, and stops the rest."""
        try:
            self._start()
        except OSError as error:
            self._ending.close()
            raise Misconfigured(
                f"{self.settings.home} cannot be used ({error}): set LOOKALIKE_HOME to a folder "
                "that you own",
                value=str(self.settings.home),
            ) from error
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def check(self) -> None:
        """Raise Misconfigured, with the end of its log, where a process has ended."""
        check_parts(self._parts)

    def supervise(self, stop: Event) -> None:
        """Start again what dies until `stop` is set.

        Raises Misconfigured where a process keeps dying soon after its start.
        """
        supervise(self._parts, stop)

    def _start(self) -> None:
        make_folder(self.settings.home)
        self._take_lock()
        make_folder(self._logs)
        self._start_servers()
        self._migrate()
        if self.settings.api_port == 0:
            self.settings = self.settings.model_copy(update={"api_port": free_port()})
        self._start_processes()
        self._ending.callback(withdraw, self.settings.home)
        announce(
            self.settings.home,
            database_url=self.settings.database_url,
            redis_url=self.settings.redis_url,
            api_url=self.api_url,
        )

    def _take_lock(self) -> None:
        home = self.settings.home
        lock = FolderLock(lock_path(home))
        if not lock.acquire(_LOCK_TIMEOUT_S):
            running = find_running(home)
            where = f"process {running.pid}, {running.api_url}" if running else "still starting"
            raise Misconfigured(
                f"lookalike runs in {home} already ({where}): use it, stop it, or set "
                "LOOKALIKE_HOME to another folder",
                value=str(home),
            )
        self._ending.callback(lock.release)

    def _start_servers(self) -> None:
        home, urls = self.settings.home, {}
        if not self.settings.database_url:
            postgres = embedded_postgres(home / "postgres", log=self._log_of("postgres"))
            urls["database_url"] = self._begin_server(postgres)
        if not self.settings.redis_url:
            valkey = embedded_valkey(home / "valkey", log=self._log_of("valkey"))
            urls["redis_url"] = self._begin_server(valkey)
        self.settings = self.settings.model_copy(update=urls)

    def _begin_server(self, server: Server) -> str:
        url = server.start()
        self._ending.callback(server.stop)
        self._parts.append(server)
        return url

    def _migrate(self) -> None:
        migration = self._child("migrate")
        self._ending.callback(migration.stop, timeout_s=_STOP_TIMEOUT_S)
        migration.start()
        if migration.wait(timeout_s=_MIGRATE_TIMEOUT_S) != 0:
            raise Misconfigured(migration.obituary(), value=self._log_of("migrate"))

    def _start_processes(self) -> None:
        # Whoever runs the all-in-one owns the machine's files; whoever calls its API does not.
        roots = self.settings.file_roots or (Path("/"),)
        children = [
            # A port has one listener: the worker.
            self._child("relay", self.settings.model_copy(update={"metrics_port": 0})),
            self._child("worker", self.settings.model_copy(update={"file_roots": roots})),
            self._child("api"),
            self._child(
                "upkeep",
                self.settings.model_copy(update={"metrics_port": 0}),
                arguments=["--every", str(_UPKEEP_EVERY_S)],
            ),
        ]
        self._ending.callback(stop_together, children, timeout_s=_STOP_TIMEOUT_S)
        for child in children:
            child.start()
        self._parts += children

    def _child(
        self, command: str, settings: Settings | None = None, *, arguments: Sequence[str] = ()
    ) -> Child:
        inherited = {k: v for k, v in environment().items() if not k.startswith(PREFIX)}
        return Child(
            Command(
                name=command,
                arguments=[sys.executable, "-m", "lookalike.cli", command, *arguments],
                environment={**inherited, **(settings or self.settings).environment()},
                log=self._log_of(command),
            )
        )

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _open_to_itself(settings: Settings) -> dict[str, object]:
    """No keys to an API that only this machine reaches, unless the settings say so or otherwise."""
    is_said = "api_keys" in settings.model_fields_set
    return {} if is_said or not settings.is_api_on_loopback else {"api_keys": "off"}
