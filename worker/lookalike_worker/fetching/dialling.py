"""The dialling of exactly what was checked, and the deadline of all that follows."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION, NetworkStream

from lookalike.errors import ReferenceForbidden, ReferenceInvalid
from lookalike_worker.fetching.addresses import is_public
from lookalike_worker.fetching.allowed_hosts import AllowedHosts

Resolve = Callable[[str, int], list[str]]
"""Maps a host and a port to its addresses; OSError where it has none."""

_WEB_PORTS = frozenset({80, 443})


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver; it alone bounds how long that takes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Dialler(httpcore.NetworkBackend):
    """Connects httpcore to the very addresses that the policy has looked at.

    The host is resolved once, here, and one of these addresses is dialled, so
    that no second answer of the name server can lead elsewhere; httpcore goes
    on to use the host's name for the Host header and for TLS.
    """

    def __init__(self, allowed: AllowedHosts, *, resolve: Resolve = resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()
        # A connection outlives the fetch that made it; each thread has its own deadline.
        self._thread = threading.local()

    @contextmanager
    def within(self, timeout_s: float) -> Iterator[None]:
        """Bound all that this thread does on the network, to the last byte, by one deadline."""
        self._thread.deadline = time.monotonic() + timeout_s
        try:
            yield
        finally:
            del self._thread.deadline

    def remaining_s(self, timeout_s: float | None = None) -> float:
        """Seconds that one operation may take; raises httpcore.ReadTimeout if none are left."""
        left = float(self._thread.deadline - time.monotonic())
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole fetch is over")
        return left if timeout_s is None else min(left, timeout_s)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to a host that may be asked; raises ReferenceForbidden for any other."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._checked(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self.remaining_s(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self.remaining_s)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int) -> list[str]:
        is_allowed = (host, port) in self._allowed
        if not is_allowed and port not in _WEB_PORTS:
            raise ReferenceForbidden(
                f"found port {port} at {host}; expected 80 or 443: serve the image there, or "
                f"add {host}:{port} to LOOKALIKE_ALLOW_HOSTS",
                value=port,
            )
        try:
            addresses = self._resolve(host, port)
        except UnicodeError as error:
            raise ReferenceInvalid(
                f"{host!r} is no valid host name: {error}", value=host
            ) from error
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} does not resolve: {error}") from error
        refused = [] if is_allowed else [it for it in addresses if not is_public(it)]
        if refused:
            # The addresses stay out of the message: whoever may enqueue could map a network.
            raise ReferenceForbidden(
                f"found that {host} leads to an address that is not public; expected a host of "
                f"the public internet: upload the bytes, or add {host} to LOOKALIKE_ALLOW_HOSTS",
                value=refused,
            )
        return addresses


class _TimedStream(NetworkStream):
    """A connection whose every operation ends at the deadline of the thread that uses it.

    httpcore's own timeouts start anew with each packet: a host that sends a
    byte every few seconds would hold a thread for hours.
    """

    def __init__(self, stream: NetworkStream, remaining_s: Callable[[float | None], float]) -> None:
        self._stream = stream
        self._remaining_s = remaining_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._remaining_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._remaining_s(timeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._remaining_s(timeout))
        return _TimedStream(stream, self._remaining_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
