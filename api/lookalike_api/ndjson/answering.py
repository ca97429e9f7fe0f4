"""The conversation: lines are taken in while the answers to earlier ones go out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lookalike_api.ndjson.lines import Line, Lines
from lookalike_api.ndjson.outbox import Outbox
from lookalike_api.ndjson.portions import Answered

MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

# As `add_many`: a round trip costs little beside so many, and they show progress.
_LINES = 5000
_BYTES = 4_000_000
# Who sends slowly, and waits for answers before he goes on, gets them.
_PATIENCE_S = 0.5
_AT_A_TIME = 2

Answer = Callable[[Sequence[Line]], Awaitable[Answered]]


class AnswerStream(Response):
    """Sends answers while the request is still read.

    The framework's own streams listen for the client's end, and so swallow
    the body; here the body's reader notices it.
    """

    media_type = MEDIA_TYPES[0]

    def __init__(self, answers: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        async with aclosing(self._answers):
            # An error before the first answer is a problem with a status of its own.
            chunk = await anext(self._answers, b"")
            await send(start)
            while chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await anext(self._answers, b"")
        await send({"type": "http.response.body", "body": b""})


async def answers(body: AsyncGenerator[bytes, None], answer: Answer) -> AsyncGenerator[bytes, None]:
    """The answers to the lines of a body, in order; two portions are under way at a time.

    Raises Unavailable where nothing is answered yet; later, what keeps a
    portion from being stored is the problem of its lines, and ends the answers.
    """
    way = _UnderWay(asyncio.Queue(), asyncio.Semaphore(_AT_A_TIME))
    with Outbox() as outbox:
        reading = asyncio.create_task(_read(body, answer, way))
        giving = asyncio.create_task(_give(way, outbox))
        try:
            async for chunk in outbox.chunks():
                yield chunk
            await giving
            if reading.done():
                await reading
        except ClientDisconnect:
            return
        finally:
            for task in (reading, giving):
                task.cancel()
            await asyncio.gather(reading, giving, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """The portions that are being enqueued, in order, None at their end; and room for more."""

    portions: asyncio.Queue[asyncio.Future[Answered] | None]
    room: asyncio.Semaphore


async def _read(body: AsyncGenerator[bytes, None], answer: Answer, way: _UnderWay) -> None:
    try:
        async with aclosing(portions(body)) as some:
            async for portion in some:
                await way.room.acquire()
                way.portions.put_nowait(asyncio.ensure_future(answer(portion)))
    finally:
        way.portions.put_nowait(None)


async def _give(way: _UnderWay, outbox: Outbox) -> None:
    is_first = True
    try:
        while (portion := await way.portions.get()) is not None:
            answered = await portion
            if answered.stopped_by and is_first:
                raise answered.stopped_by
            await outbox.put(answered.lines)
            if answered.stopped_by:
                return
            way.room.release()
            is_first = False
    finally:
        await outbox.end()


async def portions(body: AsyncGenerator[bytes, None]) -> AsyncGenerator[list[Line], None]:
    """The lines of a body, as many as one transaction takes, or as come within a short time."""
    lines = Lines()
    portion: list[Line] = []
    n_bytes = 0
    async for chunk in _with_pauses(body):
        portion.extend(lines.feed(chunk) if chunk is not None else ())
        n_bytes += len(chunk or b"")
        while len(portion) > _LINES:
            yield portion[:_LINES]
            portion, n_bytes = portion[_LINES:], 0
        if portion and (chunk is None or n_bytes >= _BYTES):
            yield portion
            portion, n_bytes = [], 0
    portion.extend(lines.end())
    if portion:
        yield portion


async def _with_pauses(body: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes | None]:
    """The chunks as they come; None where none has come for a short time."""
    coming: asyncio.Task[bytes] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(body))
            done, _ = await asyncio.wait({coming}, timeout=_PATIENCE_S)
            if not done:
                yield None
                continue
            chunk, coming = coming.result(), None
            if not chunk:
                return
            yield chunk
    finally:
        if coming is not None:
            coming.cancel()


async def _next(body: AsyncGenerator[bytes, None]) -> bytes:
    # A body's end is an empty chunk; a chunk of no bytes is none.
    async for chunk in body:
        if chunk:
            return chunk
    return b""
