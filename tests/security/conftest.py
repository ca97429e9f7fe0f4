"""What each attack is tried on: a fetcher with a small limit, and a canary."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lookalike.dialling import Resolve
from lookalike.images import ImageKey
from lookalike_worker.fetching import Fetcher, FetchPolicy
from tests.security.canary import Canary, watching

LIMIT = 1000
# Long enough for a busy machine: what is about time has a shorter one.
POLICY = FetchPolicy(connect_timeout_s=20, total_timeout_s=20, max_bytes=LIMIT)

MakeFetcher = Callable[..., Fetcher]


def lead_here(host: str, port: int) -> list[str]:
    """Resolve what the system takes for an address as the system does, all names to loopback."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return ["127.0.0.1"]
    return [str(address[0]) for *_, address in found]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that this process has dialled during the test."""
    with watching(monkeypatch) as addresses:
        yield addresses


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A server that listens on the port that the policy allows, and must hear nobody."""
    canary = Canary()
    try:
        yield canary
        assert canary.heard() == 0
    finally:
        canary.close()


@pytest.fixture
def make_fetcher() -> Iterator[MakeFetcher]:
    """Builds fetchers of POLICY with changes, and closes them; every name leads here."""
    made: list[Fetcher] = []

    def make(
        *, resolve: Resolve = lead_here, tls: ssl.SSLContext | None = None, **changes: object
    ) -> Fetcher:
        policy = replace(POLICY, **changes)  # type: ignore[arg-type]
        # One that trusts nobody is built at once; the default reads 140 certificates.
        tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.append(Fetcher(policy, load_upload=nothing_uploaded, resolve=resolve, tls=tls))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()


def nothing_uploaded(_key: ImageKey) -> bytes | None:
    return None


@pytest.fixture
def fetcher(canary: Canary, make_fetcher: MakeFetcher) -> Fetcher:
    """A fetcher that would reach the canary, were it not for the canary's address."""
    return make_fetcher(ports=frozenset({80, 443, canary.port}))
