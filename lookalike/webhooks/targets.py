"""Which URLs a webhook may have, before anything is resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from lookalike.errors import Rejected

_MAX_LENGTH = 2048
# What name servers and certificates know; no user names, and no zone of an address.
_PLACE = re.compile(
    r"(?P<host>[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_PRINTABLE = re.compile(r"[!-~]+")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook's requests go; `place` is host and port as the Host header writes them."""

    scheme: str
    host: str
    port: int
    place: str
    path: str


def parse_target(url: str) -> Target:
    """Read a webhook's URL; raises Rejected for one that is none of http or https, or unusual."""
    if len(url) > _MAX_LENGTH or not _PRINTABLE.fullmatch(url):
        raise _refused(url, "plain characters, at most 2,048, others percent-encoded")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refused(url, "http(s)://host/path") from error
    place = _PLACE.fullmatch(parts.netloc.lower())
    if parts.scheme not in _PORTS or place is None or parts.fragment:
        raise _refused(url, "http(s)://host/path, without user name, password and fragment")
    port = int(place["port"] or _PORTS[parts.scheme])
    if not 0 < port < 65536:
        raise _refused(url, "a port from 1 to 65535")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, place["host"].strip("[]"), port, place[0], path)


def _refused(url: str, expected: str) -> Rejected:
    return Rejected(f"found the URL {url[:200]!r} for a webhook; expected {expected}", value=url)
