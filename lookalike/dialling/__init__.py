"""Dialling that lets nobody in: a host is asked only where its addresses may be.

For whatever connects to places that others name: workers, which fetch images,
and relays, which deliver webhooks.
"""

from __future__ import annotations

from lookalike.dialling.allowed_hosts import AllowedHosts
from lookalike.dialling.certificates import public_authorities
from lookalike.dialling.dialler import NETWORK_ERRORS, WEB_PORTS, Dialler
from lookalike.dialling.resolving import Resolve, resolve

__all__ = [
    "NETWORK_ERRORS",
    "WEB_PORTS",
    "AllowedHosts",
    "Dialler",
    "Resolve",
    "public_authorities",
    "resolve",
]
