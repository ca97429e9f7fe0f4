"""The network policy: which hosts may be asked, and the dialling of exactly what was checked."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpcore
from httpcore import SOCKET_OPTION, NetworkStream

from lookalike.errors import InvalidSetting, ReferenceForbidden, ReferenceInvalid

Resolve = Callable[[str, int], list[str]]
"""Maps a host and a port to its addresses; OSError where it has none."""

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_WEB_PORTS = frozenset({80, 443})
_ENTRY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+)(:(?P<port>[0-9]{1,5}))?")

# IPv6 hands out addresses from this block alone. Outside it lie those that carry
# an IPv4 address (::ffff:0:0/96, ::/96, NAT64's 64:ff9b::/96) and all private ones.
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")

# Within what Python's own tables call global, and yet no public host, or a tunnel to
# any host. Python 3.11 is lenient with several of them.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: str) -> bool:
    """Tell whether an address is an ordinary host's of the public internet.

    Private, loopback, link-local, carrier-grade NAT, multicast, reserved and
    documentation addresses are not, nor those that lead to an IPv4 address by
    way of IPv6: mapped, compatible, NAT64, 6to4, Teredo.
    """
    try:
        ip: _IPAddress = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _IPV6_UNICAST:
        return False
    special = any(ip in network for network in _SPECIAL)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or special)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver; it alone bounds how long that takes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be asked whatever their addresses; a port of None means every port."""

    entries: frozenset[tuple[str, int | None]]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read entries `host` or `host:port`, IPv6 in brackets; raises InvalidSetting."""
        return cls(frozenset(map(_allowed, texts)))

    def __contains__(self, host_and_port: tuple[str, int]) -> bool:
        host, port = host_and_port
        host = _plain(host)
        return (host, None) in self.entries or (host, port) in self.entries


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _allowed(text: str) -> tuple[str, int | None]:
    entry = _ENTRY.fullmatch(text)
    if entry is None:
        raise InvalidSetting(
            f"LOOKALIKE_ALLOW_HOSTS has the entry {text!r}; expected host or host:port, "
            "an IPv6 address in brackets, no scheme and no path",
            value=text,
        )
    return _plain(entry["host"]), int(entry["port"]) if entry["port"] else None


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
