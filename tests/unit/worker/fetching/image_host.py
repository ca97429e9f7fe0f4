"""A web server on loopback that serves an image, or misbehaves as its path says."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from lookalike.images import ImageRef


class ImageHost:
    """Serves while it is entered, under the name `images.test` that only tests resolve."""

    def __init__(self, image: bytes) -> None:
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._server.image = image
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def n_connections(self) -> int:
        return self._server.n_connections

    @property
    def origin(self) -> str:
        return f"images.test:{self._server.server_port}"

    def ref(self, path: str) -> ImageRef:
        return ImageRef.parse(f"http://{self.origin}/{path}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    image = b""
    n_connections = 0

    def get_request(self) -> tuple[socket.socket, object]:
        self.n_connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # hanging up is wanted here
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Answers(BaseHTTPRequestHandler):
    """`/kind/rest` is answered by the method `_kind`."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        kind, _, rest = self.path.removeprefix("/").partition("/")
        getattr(self, f"_{kind}")(rest)

    def log_message(self, *_: object) -> None:
        """Keep the tests quiet."""

    def _image(self, _: str) -> None:
        self._answer(self.server.image)

    def _status(self, status: str) -> None:
        self._answer(b"no image", status=int(status))

    def _redirect(self, location: str) -> None:
        self._answer(b"", {"Location": location}, status=302)

    def _hops(self, n_left: str) -> None:
        self._redirect(f"/hops/{int(n_left) - 1}" if int(n_left) else "/image")

    def _gzip(self, n_bytes: str) -> None:
        self._answer(gzip.compress(bytes(int(n_bytes))), {"Content-Encoding": "gzip"})

    def _encoding(self, encoding: str) -> None:
        self._answer(self.server.image, {"Content-Encoding": encoding})

    def _host(self, _: str) -> None:
        self._answer(self.headers["Host"].encode())

    def _cookie(self, _: str) -> None:
        self._answer(self.headers.get("Cookie", "none").encode(), {"Set-Cookie": "seen=yes"})

    def _claims(self, n_bytes: str) -> None:
        self._answer(b"", {"Content-Length": n_bytes})

    def _endless(self, _: str) -> None:
        self._answer(b"", {"Connection": "close"})
        self._send_until_hung_up(bytes(100), pause_s=0)

    def _drip(self, _: str) -> None:
        self._answer(b"", {"Connection": "close"})
        self._send_until_hung_up(b".", pause_s=0.02)

    def _drip_headers(self, _: str) -> None:
        self._send_until_hung_up(b"H", pause_s=0.02)

    def _hang_up(self, _: str) -> None:
        self.close_connection = True

    def _answer(
        self, body: bytes, headers: dict[str, str] | None = None, *, status: int = 200
    ) -> None:
        self.send_response(status)
        self.close_connection = not body
        if not (headers and {"Content-Length", "Connection"} & headers.keys()):
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_until_hung_up(self, piece: bytes, *, pause_s: float) -> None:
        self.close_connection = True
        pause = threading.Event()
        try:
            while not pause.wait(pause_s):
                self.wfile.write(piece)
        except OSError:
            return
