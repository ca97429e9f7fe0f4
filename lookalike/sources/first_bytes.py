"""The first bytes of an object: no more than were asked for, whatever the store sends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from lookalike.errors import FetchFailed
from lookalike.stored_objects import ObjectPlace

if TYPE_CHECKING:
    from aiohttp import ClientResponse

FirstBytes = Callable[[Any, ObjectPlace, int], Coroutine[Any, Any, bytes]]
"""Reads at most so many bytes of an object by a library's own file system."""


class _Stream(Protocol):
    async def read(self, n: int, /) -> bytes: ...


async def _of_s3(files: Any, place: ObjectPlace, n_bytes: int) -> bytes:
    answer = await files._call_s3(  # noqa: SLF001 - its `_cat_file` reads whatever is sent
        "get_object", Bucket=place.bucket, Key=place.key, Range=f"bytes=0-{n_bytes - 1}"
    )
    body = answer["Body"]
    try:
        return await _first(body, n_bytes)
    finally:
        body.close()


async def _of_gs(files: Any, place: ObjectPlace, n_bytes: int) -> bytes:
    # Bounded where the file system was opened with `no_more_than_asked`.
    return bytes(await files._cat_file(place.path, start=0, end=n_bytes))  # noqa: SLF001


async def _of_az(files: Any, place: ObjectPlace, n_bytes: int) -> bytes:
    def judge(answer: Any) -> None:
        """Refuse an answer by its head, since Azure's library reads the body as a whole."""
        length = answer.http_response.headers.get("Content-Length", "")
        is_bounded = length.isdecimal() and int(length) <= n_bytes
        if answer.http_response.status_code < 300 and not is_bounded:
            answer.http_response.internal_response.close()
            raise FetchFailed(
                f"found that {place} comes with {length or 'any number of'} bytes; expected at "
                f"most {n_bytes:,}, which were asked for: does its endpoint take ranges?",
                value=str(place),
            )

    async with files.service_client.get_blob_client(place.bucket, place.key) as blob:
        stream = await blob.download_blob(offset=0, length=n_bytes, raw_response_hook=judge)
        return bytes(await stream.readall())


FIRST_BYTES: dict[str, FirstBytes] = {"s3": _of_s3, "gs": _of_gs, "az": _of_az}


def no_more_than_asked() -> type[ClientResponse]:
    """For gcsfs, which reads whatever is sent: answers that end where the range does."""
    from aiohttp import ClientResponse

    class NoMoreThanAsked(ClientResponse):
        async def read(self) -> bytes:
            asked = self.request_info.headers.get("Range", "")
            if not asked:
                return await super().read()
            return await _first(self.content, int(asked.rpartition("-")[2]) + 1)

    return NoMoreThanAsked


async def _first(stream: _Stream, n_bytes: int) -> bytes:
    """Read to the end, or so many bytes; what is left unread holds its sender back."""
    data = bytearray()
    while len(data) < n_bytes and (part := await stream.read(n_bytes - len(data))):
        data += part
    return bytes(data)
