"""Free ports on the loopback address."""

from __future__ import annotations

import secrets
import socket

LOOPBACK = "127.0.0.1"

# Below the ports that systems give to outgoing connections. A client that calls a dead
# server's port again and again could be given that very port, and talk to itself.
_RANGE = range(20_000, 32_000)
_N_TRIES = 20


def is_free(port: int) -> bool:
    """Whether nobody listens on a loopback port; port 0 is always free."""
    return _bound(port) is not None


def free_port(preferred: int = 0) -> int:
    """A free port on the loopback address, the preferred one where it is free.

    Another process can still take it first: who listens there has to be ready
    to ask again.
    """
    chosen = (secrets.choice(_RANGE) for _ in range(_N_TRIES))
    for port in (preferred or secrets.choice(_RANGE), *chosen, 0):
        free = _bound(port)
        if free is not None:
            return free
    raise OSError(f"no port is free on {LOOPBACK}")


def _bound(port: int) -> int | None:
    with socket.socket() as probe:
        # As the servers do, so that connections that just closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return None
        return int(probe.getsockname()[1])
