"""What a store of objects knows, for the small servers that speak as Google's and Azure's do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# So few that a test's buckets have more pages than one.
PAGE_SIZE = 2


@dataclass
class ObjectHost:
    """Buckets with their objects; those of `closed` may be neither read nor listed."""

    url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    takes_ranges: bool = True
    knows_caller: bool = True
    requests: list[str] = field(default_factory=list)

    def put(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Make a bucket with some objects."""
        self.buckets[bucket] = dict(objects)


@dataclass(frozen=True)
class Page:
    """A part of a listing: keys and folders in order, and where the next page starts."""

    keys: list[str]
    folders: list[str]
    following: str


def page_of(keys: Mapping[str, bytes], prefix: str, delimiter: str, start: str) -> Page:
    """As both stores list: what begins so, with what has a delimiter behind that as a folder."""
    names: dict[str, bool] = {}
    for key in sorted(key for key in keys if key.startswith(prefix)):
        head, sign, _ = key[len(prefix) :].partition(delimiter or "\0")
        names[prefix + head + sign] = bool(sign)
    rest = [name for name in sorted(names) if name >= start]
    shown = rest[:PAGE_SIZE]
    return Page(
        keys=[name for name in shown if not names[name]],
        folders=[name for name in shown if names[name]],
        following=rest[PAGE_SIZE] if len(rest) > PAGE_SIZE else "",
    )


class Answering(BaseHTTPRequestHandler):
    """Answers with connections kept, as the stores do."""

    protocol_version = "HTTP/1.1"
    # Head and body in one write: two would wait for each other's acknowledgement, 40 ms each time.
    wbufsize = -1
    host: ObjectHost

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_object(self, data: bytes, asked: str, **headers: str) -> bool:
        """The bytes of an object that a range asks for; False where it has none of these."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked) if self.host.takes_ranges else None
        if not found:
            self.answer(200, data, **headers)
            return True
        start = int(found[1])
        if start >= len(data):
            return False
        part = data[start : int(found[2] or len(data)) + 1]
        content_range = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        self.answer(206, part, Content_Range=content_range, **headers)
        return True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(host: ObjectHost, handler: type[Answering]) -> Iterator[None]:
    """Serve on a free port of loopback until the context ends; sets `host.url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"host": host}))
    server.daemon_threads = True  # those of connections that a library keeps
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
