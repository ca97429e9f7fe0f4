"""A web server on this machine that serves one file, and fails as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileHost:
    """What is served, and how; `requests` are the headers of each request, with its path."""

    content: bytes
    etag: str = '"v1"'
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)  # of the first answers; 200 afterwards
    breaks_after: list[int] = field(default_factory=list)  # bytes of the first answers with bodies
    requests: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    def ranges(self) -> list[str]:
        """What each request asked for, "" for the whole file."""
        return [request.get("Range", "") for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    host: FileHost

    def do_GET(self) -> None:
        host = self.host
        host.requests.append({"path": self.path, **dict(self.headers)})
        if self.path in host.redirects:
            self._head(302, {"Location": host.redirects[self.path], "Content-Length": "0"})
        elif host.statuses:
            self._head(host.statuses.pop(0), {"Content-Length": "0"})
        else:
            self._send(host)

    def _send(self, host: FileHost) -> None:
        start = self._start(host)
        body = host.content[start:]
        headers = {"ETag": host.etag, "Content-Length": str(len(body)), **host.headers}
        if start:
            end = len(host.content) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{len(host.content)}"
        self._head(206 if start else 200, headers)
        n_sent = host.breaks_after.pop(0) if host.breaks_after else len(body)
        with suppress(ConnectionError):
            self.wfile.write(body[:n_sent])
        self.close_connection = n_sent < len(body)

    def _start(self, host: FileHost) -> int:
        asked = self.headers.get("Range", "")
        is_same = self.headers.get("If-Range", host.etag) == host.etag
        return int(asked[6:-1]) if asked.endswith("-") and is_same else 0

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(host: FileHost) -> Iterator[FileHost]:
    """Serve until the context ends; sets `host.address`."""
    handler = type("Handler", (_Handler,), {"host": host})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
