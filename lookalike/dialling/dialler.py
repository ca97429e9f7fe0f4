"""The dialling of exactly what was checked, and the deadline of all that follows."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION, NetworkStream

from lookalike.dialling.addresses import is_private, is_public
from lookalike.dialling.allowed_hosts import AllowedHosts, plain_host
from lookalike.dialling.resolving import Resolve, resolve_within
from lookalike.errors import ReferenceForbidden, ReferenceInvalid

WEB_PORTS = frozenset({80, 443})
"""Where the public internet serves; every other port has to be allowed by name."""

NETWORK_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ConnectionNotAvailable,
)
"""What a connection may end in through no fault of who asks."""


class Dialler(httpcore.NetworkBackend):
    """Connects httpcore to the very addresses that the policy has looked at.

    The host is resolved once, here, and one of these addresses is dialled, so
    that no second answer of the name server can lead elsewhere; httpcore goes
    on to use the host's name for the Host header and for TLS.
    """

    def __init__(self, allowed: AllowedHosts, *, ports: Container[int], resolve: Resolve) -> None:
        self._allowed = allowed
        self._ports = ports
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()
        # A connection outlives the request that made it; each thread has its own deadline.
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
            raise httpcore.ReadTimeout("the time for the whole request is over")
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
        for address in self._checked(host, port, self.remaining_s(timeout)):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self.remaining_s(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self.remaining_s)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int, timeout_s: float) -> list[str]:
        """All addresses of a host; raises ReferenceForbidden if one of them may not be dialled."""
        is_allowed = (host, port) in self._allowed
        if not is_allowed and port not in self._ports:
            raise ReferenceForbidden(
                f"found port {port} at {host}; expected 80 or 443: serve it there, or "
                f"add {host}:{port} to LOOKALIKE_ALLOW_HOSTS",
                value=port,
            )
        try:
            addresses = resolve_within(timeout_s, self._resolve, host, port)
        except UnicodeError as error:
            raise ReferenceInvalid(
                f"{host!r} is no valid host name: {error}", value=host
            ) from error
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} does not resolve: {error}") from error
        # The addresses stay out of the messages: whoever may enqueue could map a network.
        if not is_allowed:
            _refuse_others(
                addresses,
                is_public,
                f"found that {host} leads to an address that is not public; expected a host of "
                f"the public internet: give another, or add {host} to LOOKALIKE_ALLOW_HOSTS",
            )
        else:
            _refuse_others(
                addresses,
                lambda it: is_public(it) or is_private(it) or it == plain_host(host),
                f"found that {host}, which LOOKALIKE_ALLOW_HOSTS allows, leads to an address "
                "that is no private host's, as a cloud's metadata; expected a private network: "
                "add the address itself, if it is meant",
            )
        return addresses


def _refuse_others(addresses: list[str], may_dial: Callable[[str], bool], message: str) -> None:
    refused = [address for address in addresses if not may_dial(address)]
    if refused:
        raise ReferenceForbidden(message, value=refused)


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
