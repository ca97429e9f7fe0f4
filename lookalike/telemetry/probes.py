"""A small HTTP server beside a worker or a relay: /metrics, /healthz and /readyz.

It answers from a thread of its own, so also while the process loads an
encoder or hangs. It has no TLS and asks nobody who he is: it belongs on
loopback or on a private network.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import structlog

from lookalike.errors import InvalidSetting

# A client that sends nothing must not hold a thread for long.
_CLIENT_TIMEOUT_S = 10

log = structlog.get_logger()


class Readiness:
    """What a process still lacks before it is ready; many threads share it."""

    def __init__(self, *lacking: str) -> None:
        self._lacking = dict.fromkeys(lacking)
        self._lock = threading.Lock()

    def has(self, *what: str) -> None:
        """These are no longer lacking."""
        with self._lock:
            for name in what:
                self._lacking.pop(name, None)

    def missing(self) -> list[str]:
        """What is lacking, in the order in which it was named."""
        with self._lock:
            return list(self._lacking)


def missing_round(last_round: float | None, *, within_s: float, of: str = "") -> list[str]:
    """What a loop lacks that must have succeeded lately; nothing, if it has.

    `last_round` is a moment of the monotonic clock, and `of` says which loop it is.
    """
    what = f"round of {of}" if of else "round"
    if last_round is None:
        return [f"a first {what} that succeeds"]
    ago_s = time.monotonic() - last_round
    if ago_s <= within_s:
        return []
    return [f"a {what} that succeeds within {within_s:.0f} s; the last did {ago_s:.0f} s ago"]


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked of a process; called in the server's threads.

    `metrics` is given the Accept header, and gives a media type and a text.
    `missing` says what keeps the process from being ready; nothing, if it is.
    """

    metrics: Callable[[str], tuple[str, bytes]]
    missing: Callable[[], Sequence[str]]


class ProbeServer:
    """Serves a process's probes until it is closed; with port 0 it serves nothing."""

    def __init__(self, probes: Probes, *, host: str, port: int) -> None:
        """Raises InvalidSetting where the address cannot be listened on."""
        self._server = _listen(probes, host, port) if port else None
        if self._server is not None:
            threading.Thread(
                target=self._server.serve_forever, args=(0.1,), name="probes", daemon=True
            ).start()
            log.info("probes served", host=host, port=port)

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_TIMEOUT_S
    server_version = "lookalike"
    sys_version = ""
    probes: ClassVar[Probes]

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._send(200, *self.probes.metrics(self.headers.get("Accept", "")))
            case "/healthz":
                self._send_json(200, {"status": "alive"})
            case "/readyz":
                missing = list(self.probes.missing())
                self._send_json(503 if missing else 200, {"ready": not missing, "missing": missing})
            case _:
                self._send_json(404, {"paths": ["/metrics", "/healthz", "/readyz"]})

    def log_message(self, *_: object) -> None:
        """Probes come every few seconds: nobody wants to read of each."""

    def _send_json(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body).encode() + b"\n")

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _listen(probes: Probes, host: str, port: int) -> _Server:
    handler = type("_Handler", (_Handler,), {"probes": probes})
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = type("_Server", (_Server,), {"address_family": family})
    try:
        listening: _Server = server((host, port), handler)
    except OSError as error:
        raise InvalidSetting(
            f"LOOKALIKE_METRICS_HOST and LOOKALIKE_METRICS_PORT name {host} port {port}, where "
            f"this process cannot listen ({error.strerror or error}); expected an address of this "
            "machine and a free port: give each process a port of its own, or 0 for none",
            value=port,
        ) from error
    return listening
