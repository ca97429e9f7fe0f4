"""A web server on loopback that answers with the very bytes that a test gives it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

Answer = bytes | Callable[[socket.socket], None]
"""What is sent after a request's headers; a function sends until the other side hangs up."""

NAME = "images.test"
_PAUSE_S = 0.01


def answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """An answer that is right but for what `lines` say; no length unless they give one."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines, "Connection: close"))
    return head.encode("latin-1") + b"\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return answer(b"", f"Location: {location}", "Content-Length: 0", status=f"{status} Elsewhere")


def endless(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """Send the start, then the piece again and again, as fast as it is taken."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return send


def drip(start: bytes, piece: bytes = b"x") -> Callable[[socket.socket], None]:
    """Send the start, then the piece every hundredth of a second."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        while not threading.Event().wait(_PAUSE_S):
            connection.sendall(piece)

    return send


class RawHost:
    """Serves answers by path under the name `images.test`, until the context ends.

    `requests` are the heads of the requests. With `greeting`, that is sent as soon as
    somebody connects, and nothing is read.
    """

    def __init__(self, answers: Mapping[str, Answer], *, greeting: Answer | None = None) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        self._greeting = greeting
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)
        self._threads: list[threading.Thread] = []

    @property
    def origin(self) -> str:
        return f"{NAME}:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.origin}{path}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The thread that accepts is woken by the first, not by the second.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._greeting is not None:
                self._send(connection, self._greeting)
                return
            head = b""
            while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
                head += data
            self.requests.append(head)
            path = head.split(b" ")[1].decode("latin-1")
            self._send(connection, self._answers.get(path, answer(b"", status="404 No")))

    def _send(self, connection: socket.socket, what: Answer) -> None:
        if isinstance(what, bytes):
            connection.sendall(what)
        else:
            what(connection)
        connection.shutdown(socket.SHUT_WR)
