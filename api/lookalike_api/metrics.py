"""What Prometheus reads of the API: requests, and the backlog as every process tells it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from lookalike.telemetry import tracing

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# From a lookup by id to a query that waits as long as the settings let it.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# A client may write any word for a method, and any path: neither becomes a label as it is.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Requests:
    """ASGI middleware that counts and times requests, and goes on with their callers' traces."""

    def __init__(self, app: App, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "lookalike_api_request_seconds",
            "From a request's head to the end of its answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._n = Counter(
            "lookalike_api_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with tracing.continuing(_trace_parent(scope)):
                await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            # With and without its version an endpoint is the same.
            route = getattr(scope.get("route"), "path_format", "none").removeprefix("/v1")
            self._seconds.labels(method, route).observe(time.monotonic() - started)
            self._n.labels(method, route, status).inc()


def _trace_parent(scope: Message) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value, "latin-1")
    return None
