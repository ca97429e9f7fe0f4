"""Answers on their way to a client that may read them only when it has sent everything.

Most HTTP clients do: they would wait for us to read, and we for them. What
they have not read yet goes to a temporary file, so memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Self

_IN_MEMORY_BYTES = 1_000_000
_CHUNK_BYTES = 65_536

MAX_UNREAD_BYTES = 1_000_000_000
"""From so much on, some 15 million answers, the client has to read before more is taken in."""


class Outbox:
    """What was put, in order; it is read while more is put."""

    def __init__(self, max_unread_bytes: int = MAX_UNREAD_BYTES) -> None:
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(  # noqa: SIM115 - ours
            _IN_MEMORY_BYTES
        )
        self._max_unread_bytes = max_unread_bytes
        self._n_put = self._n_read = 0
        self._is_ended = False
        self._changed = asyncio.Condition()

    async def put(self, data: bytes) -> None:
        """Add something; waits while too much is unread."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._n_put - self._n_read < self._max_unread_bytes
            )
            self._file.seek(self._n_put)
            self._file.write(data)
            self._n_put += len(data)
            self._changed.notify_all()

    async def end(self) -> None:
        """Nothing more comes."""
        async with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was put, until the end."""
        while chunk := await self._next():
            yield chunk

    async def _next(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._n_read < self._n_put or self._is_ended)
            self._file.seek(self._n_read)
            chunk = self._file.read(_CHUNK_BYTES)
            self._n_read += len(chunk)
            if self._n_read == self._n_put:
                self._n_read = self._n_put = 0
                self._file.seek(0)
                self._file.truncate()
            self._changed.notify_all()
            return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
