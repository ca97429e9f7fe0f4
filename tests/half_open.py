"""A TCP proxy whose connections can go deaf without being closed."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class HalfOpen:
    """Forwards to an address until `go_deaf`; from then on it accepts, and keeps, and is silent."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._is_deaf = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_deaf(self) -> None:
        self._is_deaf.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._sockets.append(near)
                if self._is_deaf.is_set():
                    continue
                far = socket.create_connection(self._target)
                self._sockets.append(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._is_deaf.is_set():
                    return
                sink.sendall(data)
            if not self._is_deaf.is_set():
                sink.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The thread that accepts is woken by the first, not by the second.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            one.close()
