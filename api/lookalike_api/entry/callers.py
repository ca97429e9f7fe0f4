"""Who asks: the keys that were found good a moment ago, and those that could not be."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from lookalike.callers.api_keys import MAKE_A_KEY, PREFIX, ApiKey
from lookalike.errors import TooManyRequests, Unauthenticated
from lookalike_api.entry.quotas import Quota
from lookalike_api.entry.rates import Clock, InMemory

VERIFIED_S = 10
"""A key is looked up again after so long: a revoked one goes on until then."""

MOST_KEYS = 10_000

# Nobody finds one of 2^256 keys by trying; this keeps Postgres from being asked for each try.
FAILURES = Quota(20, 60)

Verify = Callable[[str], Awaitable[ApiKey]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what for it may; `key_id` is 0 where the API asks for no key."""

    key_id: int
    identity: str
    scopes: frozenset[str]


class KnownKeys:
    """Callers by their keys, each looked up again every few seconds."""

    def __init__(self, verify: Verify, clock: Clock = time.monotonic) -> None:
        self._verify = verify
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._failures = InMemory(clock)

    async def caller(self, secret: str, network: str) -> Caller:
        """The caller with this key, who asks from this network.

        Raises Unauthenticated, and TooManyRequests where that happened to
        this network again and again. Who was let in before is not kept out
        by a neighbour that tries keys.
        """
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        looked_up_at, caller = self._known.get(digest, (0.0, None))
        if caller is not None and self._clock() < looked_up_at + VERIFIED_S:
            return caller
        if caller is None:
            self._check_failures(network)
        if not secret.startswith(PREFIX):
            # Costs nobody anything, so it is not counted.
            raise Unauthenticated(
                f"what was given is no API key; expected one that begins with {PREFIX}: "
                f"{MAKE_A_KEY}"
            )
        try:
            caller = _caller(await self._verify(secret))
        except Unauthenticated:
            self._known.pop(digest, None)
            await self._failures.take(network, FAILURES)
            raise
        self._keep(digest, caller)
        return caller

    def _keep(self, digest: bytes, caller: Caller) -> None:
        self._known[digest] = (self._clock(), caller)
        self._known.move_to_end(digest)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)

    def _check_failures(self, network: str) -> None:
        standing = self._failures.look(network, FAILURES)
        if not standing.is_granted:
            raise TooManyRequests(
                f"{FAILURES.n} requests from {network} had no good API key within "
                f"{FAILURES.window_s} s; expected fewer: {MAKE_A_KEY}, and tries again later",
                value=network,
                retry_in_s=standing.retry_in_s,
            )


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6, all that one customer usually has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _caller(key: ApiKey) -> Caller:
    return Caller(key.id, f"key:{key.id}", frozenset(key.scopes))
