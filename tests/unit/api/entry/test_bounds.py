"""Bodies that are too large or come too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from lookalike_api.entry.bounds import MAX_JSON_BYTES, BoundedBodies

JSON, FORM, LINES = b"application/json", b"multipart/form-data; boundary=b", b"application/x-ndjson"

GRACE_S, PAUSE_S = 0.02, 0.2


def read(
    content_type: bytes, chunks: Iterable[bytes | float], *, least_bytes_per_s: int = 1
) -> int:
    """How many bytes an application reads of these chunks, with pauses of so many seconds."""
    n_read = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal n_read
        while True:
            message = await receive()
            n_read += len(message["body"])
            if not message["more_body"]:
                return

    coming = iter(chunks)

    async def receive() -> Message:
        chunk = next(coming, b"")
        while isinstance(chunk, float):
            await asyncio.sleep(chunk)
            chunk = next(coming, b"")
        return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    bounded = BoundedBodies(
        app, 100, grace_s=GRACE_S, least_bytes_per_s=least_bytes_per_s, pause_s=PAUSE_S
    )
    scope = {"type": "http", "headers": [(b"content-type", content_type)]}
    asyncio.run(bounded(scope, receive, send))
    return n_read


@pytest.mark.parametrize(
    ("content_type", "limit"), [(JSON, MAX_JSON_BYTES), (FORM, 100), (b"text/plain", 100)]
)
def test_a_body_is_cut_off_at_its_limit(content_type: bytes, limit: int) -> None:
    assert read(content_type, [b"x" * limit]) == limit
    with pytest.raises(HTTPException, match=f"413: found a body of more than {limit:,} bytes"):
        read(content_type, [b"x" * limit, b"x"])


def test_lines_have_no_end() -> None:
    assert read(LINES, [b"x" * 1000] * 1000) == 1_000_000


@pytest.mark.parametrize("content_type", [JSON, FORM, LINES])
def test_a_body_that_does_not_go_on_is_cut_off(content_type: bytes) -> None:
    with pytest.raises(HTTPException) as cut:
        read(content_type, [b"x", 60.0], least_bytes_per_s=1000)
    assert cut.value.status_code == 408
    assert cut.value.headers == {"Connection": "close"}


def test_what_has_come_gives_the_rest_more_time() -> None:
    slow: list[bytes | float] = [b"x" * 100, 3 * GRACE_S]
    assert read(FORM, slow, least_bytes_per_s=1) == 100
    with pytest.raises(HTTPException, match="408"):
        read(FORM, slow, least_bytes_per_s=1_000_000)


def test_lines_may_come_as_slowly_as_they_are_made() -> None:
    assert read(LINES, [b"x", 3 * GRACE_S] * 5, least_bytes_per_s=1_000_000) == 5
