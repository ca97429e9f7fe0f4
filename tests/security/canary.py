"""A server that nobody may reach, and a watch over all that this process dials."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest


class Canary:
    """Listens on loopback, on one port of both families, and counts who connects."""

    def __init__(self) -> None:
        self.n_connections = 0
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._listeners[0].getsockname()[1]
        with suppress(OSError):  # a machine without IPv6, or another's port there
            listener = socket.create_server(("::1", self.port), family=socket.AF_INET6)
            self._listeners.append(listener)

    def heard(self) -> int:
        """How many have connected; the kernel has accepted them before `connect` returned."""
        for listener in self._listeners:
            listener.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    self.n_connections += 1
        return self.n_connections

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give the addresses that sockets connect to; none but loopback is really dialled."""
    dialled: list[str] = []
    lock = threading.Lock()
    connect = socket.socket.connect

    def noted(sock: socket.socket, address: tuple[str, int]) -> None:
        with lock:
            dialled.append(address[0])
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        connect(sock, address)

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", noted)
        yield dialled
