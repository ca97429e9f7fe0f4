"""A receiver of webhooks on this machine, that answers as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lookalike.webhooks import Message, verify

# Nothing rests on it: a test that fails waits so long.
LONGEST_S = 60.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def message(self, secret: str) -> Message:
        return verify(self.body, self.headers, secret)


@dataclass
class Receiver:
    """What came; `statuses` are those of the first answers, 200 afterwards.

    A request to /slow is answered once `release` is set.
    """

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    address: str = ""

    def wait_until(self, condition: Callable[[list[Received]], bool]) -> list[Received]:
        """What has come, once it is as it should be."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.received), LONGEST_S)
            return list(self.received)

    def wait_for(self, n: int) -> list[Received]:
        return self.wait_until(lambda received: len(received) >= n)

    def take(self, received: Received) -> int:
        with self.changed:
            self.received.append(received)
            self.changed.notify_all()
            return self.statuses.pop(0) if self.statuses else 200


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.receiver.take(Received(self.path, dict(self.headers), body))
        if self.path == "/slow":
            self.receiver.release.wait(LONGEST_S)
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Length": "0", **self.receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    # A connection that a sender keeps open holds a thread, which nobody waits for.
    daemon_threads = True
    block_on_close = False


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive until the context ends; sets `address`."""
    receiver = Receiver()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
