"""Names to addresses, within a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future

import httpcore

Resolve = Callable[[str, int], list[str]]
"""Maps a host and a port to its addresses; OSError where it has none."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, however long it takes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def resolve_within(timeout_s: float, resolve: Resolve, host: str, port: int) -> list[str]:
    """What a resolver answers; raises httpcore.ConnectTimeout where it takes longer.

    The system's resolver cannot be told a time: a name server that is slow on
    purpose would hold a fetch for half a minute. It is left to a thread of its
    own, which ends when the resolver gives up.
    """
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolve(host, port))
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    # Asked for apart: a resolver may raise TimeoutError itself.
    try:
        error = answer.exception(timeout_s)
    except TimeoutError:
        raise httpcore.ConnectTimeout(f"the name {host} took too long to resolve") from None
    if error is not None:
        raise error
    return answer.result()
