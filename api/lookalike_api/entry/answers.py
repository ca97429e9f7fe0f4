"""ASGI middleware: what all answers say to browsers, and to callers of how often they may ask."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike_api.entry.quotas import Standing

SAFE_HEADERS = {
    # Bytes that somebody has uploaded are never taken for a page or a script.
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A page of ours says itself what it may load.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""No Strict-Transport-Security: whoever ends TLS in front of the API knows whether it stays."""


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]


_SAFE = _raw(SAFE_HEADERS)


class SafeAnswers:
    """Adds the headers that an answer does not set by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                standing = scope["state"].get("standing")
                told = [] if standing is None else _raw(rate_headers(standing))
                given = message["headers"]
                names = {name for name, _ in given}
                more = [header for header in [*_SAFE, *told] if header[0] not in names]
                message["headers"] = [*given, *more]
            await send(message)

        scope.setdefault("state", {})
        await self._app(scope, receive, adding)


def rate_headers(standing: Standing) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10.

    `r` requests are left now, and in `t` seconds the whole quota is there again.
    """
    full_in_s = math.ceil(standing.full_in_s)
    return {
        "RateLimit-Policy": f'"default";q={standing.quota.n};w={standing.quota.window_s}',
        "RateLimit": f'"default";r={standing.n_left};t={full_in_s}',
    }
