"""A primary, its replica and a sentinel that watches both: processes, for tests that kill one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any, Self

import redis

from lookalike.local.ports import LOOPBACK, free_port
from lookalike.local.processes import Child, Command
from lookalike.local.valkey import _program

MASTER = "lookalike"

_SERVER = """\
bind {host}
port {port}
dir "{folder}"
requirepass {password}
masterauth {password}
save ""
appendonly no
repl-diskless-sync-delay 0
"""
_SENTINEL = """\
bind {host}
port {port}
dir "{folder}"
requirepass {sentinel_password}
sentinel monitor {master} {host} {primary} 1
sentinel auth-pass {master} {password}
sentinel down-after-milliseconds {master} 500
sentinel failover-timeout {master} 3000
"""


class Sentinels:
    """Started by `with`; the sentinel wants another password than the servers do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passwords = {
            "password": secrets.token_urlsafe(12),
            "sentinel_password": secrets.token_urlsafe(12),
        }
        self._nobody, *self._ports = [free_port() for _ in range(4)]
        self._children: dict[int, Child] = {}

    @property
    def url(self) -> str:
        """For LOOKALIKE_REDIS_URL; of the two sentinels that it names, the first one is down."""
        sentinels = f"{LOOPBACK}:{self._nobody},{LOOPBACK}:{self._ports[2]}"
        return (
            f"sentinel://:{self._passwords['password']}@{sentinels}/2"
            f"?master={MASTER}&sentinel_password={self._passwords['sentinel_password']}"
        )

    @property
    def passwords(self) -> Collection[str]:
        return self._passwords.values()

    def primary(self) -> int:
        """The port of the primary, as the sentinel tells it to everyone."""
        with self._client(self._ports[2], "sentinel_password") as sentinel:
            return int(sentinel.sentinel_master(MASTER)["port"])

    def kill_primary(self) -> None:
        """Kill it without a farewell."""
        child = self._children[self.primary()]
        assert child.pid is not None
        os.kill(child.pid, SIGKILL)
        child.wait(timeout_s=5)

    def __enter__(self) -> Self:
        primary, replica, sentinel = self._ports
        try:
            self._start(primary, _SERVER)
            self._start(replica, f"{_SERVER}replicaof {LOOPBACK} {primary}\n")
            self._until(replica, lambda client: client.info()["master_link_status"] == "up")
            self._start(sentinel, _SENTINEL, "--sentinel")
            self._until(sentinel, _knows_a_replica)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for child in self._children.values():
            child.stop(timeout_s=5)

    def _start(self, port: int, configuration: str, *arguments: str) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        file = folder / "valkey.conf"
        file.write_text(
            configuration.format(
                host=LOOPBACK,
                port=port,
                folder=folder,
                master=MASTER,
                primary=self._ports[0],
                **self._passwords,
            )
        )
        command = [_program(), str(file), *arguments]
        child = Child(Command(f"valkey-{port}", command, {"LC_ALL": "C"}, folder / "valkey.log"))
        self._children[port] = child
        child.start()

    def _until(self, port: int, holds: Callable[[Any], bool]) -> None:
        def is_so() -> bool:
            name = "sentinel_password" if port == self._ports[2] else "password"
            with suppress(redis.ConnectionError), self._client(port, name) as client:
                return holds(client)
            return False

        self._children[port].wait_until(is_so, timeout_s=20)

    def _client(self, port: int, password: str) -> redis.Redis:
        return redis.Redis(
            port=port, password=self._passwords[password], socket_timeout=2, decode_responses=True
        )


def _knows_a_replica(sentinel: redis.Redis) -> bool:
    replicas: Any = sentinel.sentinel_slaves(MASTER)
    return any(replica["master-link-status"] == "ok" for replica in replicas)
