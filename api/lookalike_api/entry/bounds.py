"""ASGI middleware: a request's body has a size, and comes at a speed, or is cut off."""

from __future__ import annotations

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_JSON_BYTES = 1_000_000
"""16,000 features written with 17 digits are 400 kB."""

# What is read line by line may be endless, and comes as fast as its lines are made: each line
# has a limit of its own, and each pause between them.
_LINES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")
_JSON = b"application/json"


class BoundedBodies:
    """Cuts bodies off that are larger than `max_bytes`, JSON at less, or come too slowly.

    A body has `grace_s` seconds, and one more for each `least_bytes_per_s` of
    it that have come; lines may pause for `pause_s`. Only waiting for the
    client counts, so a server that is slow itself cuts nobody off.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        *,
        grace_s: float = 20,
        least_bytes_per_s: int = 2_000,
        pause_s: float = 60,
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._grace_s = grace_s
        self._least_bytes_per_s = least_bytes_per_s
        self._pause_s = pause_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, media_type = self._limit(scope)
        n_bytes, waited_s, is_read = 0, 0.0, False

        async def bounded() -> Message:
            nonlocal n_bytes, waited_s, is_read
            if is_read:
                # Nothing but the end of the connection comes now, and that may take its time.
                return await receive()
            started = time.monotonic()
            sooner_s = self._grace_s + n_bytes / self._least_bytes_per_s - waited_s
            left_s = self._pause_s if limit is None else sooner_s
            try:
                async with asyncio.timeout(left_s):
                    message = await receive()
            except TimeoutError as error:
                raise _too_slow(n_bytes) from error
            waited_s += time.monotonic() - started
            n_bytes += len(message.get("body", b""))
            is_read = not message.get("more_body", False)
            if limit is not None and n_bytes > limit:
                raise HTTPException(
                    413, f"found a body of more than {limit:,} bytes ({media_type}); expected fewer"
                )
            return message

        await self._app(scope, bounded, send)

    def _limit(self, scope: Scope) -> tuple[int | None, str]:
        content_type = dict(scope["headers"]).get(b"content-type", b"")
        media_type = content_type.partition(b";")[0].strip().lower()
        shown = str(media_type, "latin-1") or "of no type"
        if media_type in _LINES:
            return None, shown
        return MAX_JSON_BYTES if media_type == _JSON else self._max_bytes, shown


def _too_slow(n_bytes: int) -> HTTPException:
    return HTTPException(
        408,
        f"the body comes too slowly, {n_bytes:,} bytes until now; expected it sooner: send it "
        "again over a faster connection",
        # What still comes of it would be taken for the next request.
        headers={"Connection": "close"},
    )
