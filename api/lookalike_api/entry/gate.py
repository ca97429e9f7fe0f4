"""The gate that each endpoint names a scope to: from outside, with a key, not too often."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from lookalike.callers.api_keys import MAKE_A_KEY, SCOPES, ApiKey
from lookalike.errors import (
    InvalidSetting,
    OriginForbidden,
    ScopeMissing,
    TooManyRequests,
    Unauthenticated,
)
from lookalike.settings import Settings
from lookalike_api.entry.callers import Caller, KnownKeys, network_of
from lookalike_api.entry.quotas import Quota, Standing
from lookalike_api.entry.rates import Counter

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Who comes in; one for the process."""

    def __init__(
        self, settings: Settings, verify: Callable[[str], ApiKey], counter: Counter
    ) -> None:
        self._asks_for_keys = settings.api_keys == "required"
        self._names_are_checked = settings.api_keys == "off"
        self._origins = frozenset(settings.cors_origins)
        self._quota = Quota.parse(settings.api_rate)
        self._embedding_cost = settings.api_embedding_cost
        self._counter = counter
        self._keys = KnownKeys(lambda secret: run_in_threadpool(verify, secret))

    async def caller(self, request: Request, secret: str | None) -> Caller:
        """Who asks; raises OriginForbidden, Unauthenticated or TooManyRequests."""
        self._check_origin(request)
        network = network_of(request.client.host if request.client else "unknown")
        if not self._asks_for_keys:
            return Caller(0, f"network:{network}", frozenset(SCOPES))
        if secret is None:
            raise Unauthenticated(
                "the request has no API key; expected the header `Authorization: Bearer lk_…`: "
                f"{MAKE_A_KEY}"
            )
        return await self._keys.caller(secret, network)

    async def count(self, request: Request, caller: Caller, n: int = 1) -> None:
        """Count a request as `n`; raises TooManyRequests."""
        if self._quota is None or n == 0:
            return
        standing = await self._counter.take(caller.identity, self._quota, n)
        # Told with every answer.
        request.state.standing = standing
        if not standing.is_granted:
            raise _too_many(standing, n)

    async def count_embedding(self, request: Request, caller: Caller) -> None:
        """Count a request, which was counted once, as one that keeps a worker busy.

        No more than a whole quota: nothing is refused for ever.
        """
        if self._quota is not None:
            await self.count(request, caller, min(self._embedding_cost, self._quota.n) - 1)

    def _check_origin(self, request: Request) -> None:
        # A web page elsewhere could else use an API on its reader's own machine: by posting to
        # it, or by giving its own host the address 127.0.0.1 and then asking "itself".
        is_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
        is_listed = request.headers.get("origin") in self._origins
        if is_elsewhere and not is_listed and request.method not in _SAFE_METHODS:
            raise OriginForbidden(
                "the request comes from a web page of another site; expected the same site, or no "
                "browser: send it from your server, or list the site in LOOKALIKE_CORS_ORIGINS"
            )
        host = request.headers.get("host", "")
        if self._names_are_checked and not _is_own_name(host):
            raise OriginForbidden(
                f"the request names the host {host!r}; expected localhost or an address while the "
                "API asks for no keys: set LOOKALIKE_API_KEYS=required to serve it by other names",
                value=host,
            )


def check_openness(settings: Settings) -> None:
    """Raise InvalidSetting where everybody on a network would be let in without its being said."""
    if settings.api_keys == "off" and not settings.is_api_on_loopback:
        raise InvalidSetting(
            f"LOOKALIKE_API_KEYS is off and LOOKALIKE_API_HOST {settings.api_host}; without keys "
            "the API listens on loopback alone: set LOOKALIKE_API_KEYS to required, or, where "
            "something in front of it decides who may enter, to off-for-everyone",
            value=settings.api_host,
        )


_BEARER = HTTPBearer(
    auto_error=False, scheme_name="API key", bearerFormat="lk_…", description="A key to the API."
)


async def enter(
    request: Request,
    asked: SecurityScopes,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    """Let the caller in who may what the endpoint asks for, and not too often."""
    gate: Gate = request.app.state.gate
    caller = await gate.caller(request, None if bearer is None else bearer.credentials)
    request.state.caller = caller
    await gate.count(request, caller)
    missing = [scope for scope in asked.scopes if scope not in caller.scopes]
    if missing:
        raise ScopeMissing(
            f"the API key is for {', '.join(sorted(caller.scopes))}; expected one for "
            f"{missing[0]}: `lookalike key create NAME --scope {missing[0]}` makes one",
            value=missing[0],
        )
    return caller


async def count_embedding(request: Request) -> None:
    """Count a request that was let in as what it costs where a worker embeds a picture for it."""
    gate: Gate = request.app.state.gate
    await gate.count_embedding(request, request.state.caller)


READ, WRITE, ADMIN = (Security(enter, scopes=[scope]) for scope in SCOPES)
"""What an endpoint writes among its dependencies: whom it lets in."""


def _too_many(standing: Standing, n: int) -> TooManyRequests:
    quota, costs, retry_in_s = standing.quota, "", standing.retry_in_s
    if n > 1:
        costs = f", where one whose picture a worker embeds counts as {n + 1:,}"
        # It counts once again before.
        retry_in_s += quota.window_s / quota.n
    return TooManyRequests(
        f"found more than {quota.n:,} requests in {quota.window_s:,} s{costs}; expected fewer: "
        "come again after Retry-After, or have the operator raise LOOKALIKE_API_RATE",
        value=quota.n,
        retry_in_s=retry_in_s,
    )


def _is_own_name(host: str) -> bool:
    """Whether a Host header names what cannot be given to another machine, as a name can."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name != "localhost":
            ip_address(name)
    except ValueError:
        return False
    return True
