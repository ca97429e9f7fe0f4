"""The private hosts that the operator lets URLs name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from lookalike.errors import InvalidSetting

_ENTRY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+)(:(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be asked although they are private; a port of None means every port."""

    entries: frozenset[tuple[str, int | None]]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read entries `host` or `host:port`, IPv6 in brackets; raises InvalidSetting."""
        return cls(frozenset(map(_allowed, texts)))

    def __contains__(self, host_and_port: tuple[str, int]) -> bool:
        host, port = host_and_port
        host = plain_host(host)
        return (host, None) in self.entries or (host, port) in self.entries


def plain_host(host: str) -> str:
    """A host in the one way in which hosts are compared, an address in its shortest form."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _allowed(text: str) -> tuple[str, int | None]:
    entry = _ENTRY.fullmatch(text)
    port = int(entry["port"]) if entry and entry["port"] else None
    if entry is None or not (port is None or 0 < port < 65536):
        raise InvalidSetting(
            f"LOOKALIKE_ALLOW_HOSTS has the entry {text!r}; expected host or host:port, "
            "an IPv6 address in brackets, no scheme and no path",
            value=text,
        )
    return plain_host(entry["host"]), port
