"""The pictures of a campaign, good and bad, and the web server that gives them."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from enum import StrEnum
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import numpy as np
from PIL import Image

from tests.faults.poison import GREEDY, HUNGRY, KILLER, UNEMBEDDABLE, Colour

MAX_PIXELS = 10_000
N_GOOD = 64


class Kind(StrEnum):
    """What a picture does; the first part of its address's path."""

    GOOD = "good"
    FLAKY = "flaky"  # its host fails at first
    GREEDY = "greedy"  # the encoder runs out of memory on it once in each worker
    MISSING = "missing"
    UNREADABLE = "unreadable"
    LARGE = "large"
    UNEMBEDDABLE = "unembeddable"
    DOWN = "down"  # its host always fails
    HUNGRY = "hungry"  # the encoder always runs out of memory on it
    KILLER = "killer"  # it takes down every worker that embeds it


# What a poisoned image may be failed with. One that is tried again to the last attempt may see
# a worker die, for another reason, in just that one.
REASONS: dict[Kind, frozenset[str]] = {
    Kind.MISSING: frozenset({"ImageNotFound"}),
    Kind.UNREADABLE: frozenset({"ImageUnreadable"}),
    Kind.LARGE: frozenset({"ImageTooLarge"}),
    Kind.UNEMBEDDABLE: frozenset({"ImageNotEmbeddable"}),
    Kind.DOWN: frozenset({"FetchFailed", "WorkerLost"}),
    Kind.HUNGRY: frozenset({"EncoderExhausted", "WorkerLost"}),
    Kind.KILLER: frozenset({"WorkerLost"}),
}

_COLOURS: dict[Kind, Colour] = {
    Kind.GREEDY: GREEDY,
    Kind.UNEMBEDDABLE: UNEMBEDDABLE,
    Kind.HUNGRY: HUNGRY,
    Kind.KILLER: KILLER,
}


def kind_of(reference: str) -> Kind:
    """The kind of a picture, by its address."""
    return Kind(reference.split("/")[3])


@cache
def picture(kind: Kind, number: int) -> bytes:
    """A picture's bytes; good ones repeat after N_GOOD."""
    if kind == Kind.UNREADABLE:
        return b"GIF89a, or so it says"
    if kind in _COLOURS:
        return _png(np.full((16, 16, 3), _COLOURS[kind], np.uint8))
    if kind == Kind.LARGE:
        return _png(np.zeros((200, 200, 3), np.uint8))
    cells = np.random.default_rng(number).integers(64, 192, (8, 8, 3), np.uint8)
    return _png(cells.repeat(4, axis=0).repeat(4, axis=1))


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class PictureHost:
    """Serves `/KIND/NUMBER` on loopback while it is entered."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._thread = threading.Thread(target=self._server.serve_forever, name="pictures")

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def reference(self, kind: Kind, number: int) -> str:
        return f"http://{self.address}/{kind}/{number:06}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.seen: set[str] = set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Workers are killed while they read."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        _, kind_name, number = self.path.split("/")
        kind = Kind(kind_name)
        status, body = 200, b""
        if kind == Kind.MISSING:
            status = 404
        elif kind == Kind.DOWN or (kind == Kind.FLAKY and self.path not in self.server.seen):
            status = 503
        else:
            body = picture(kind, int(number) % N_GOOD)
        if kind == Kind.FLAKY:
            self.server.seen.add(self.path)
        head = f"HTTP/1.1 {status} Yes\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(OSError):
            self.wfile.write(head.encode() + body)

    def log_message(self, *_: object) -> None:
        pass
