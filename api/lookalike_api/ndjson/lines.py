"""Bytes as they come, cut into lines; a line that is too long is dropped, never held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE_BYTES = 64_000
"""A reference has 2,048 bytes at most; the rest is for metadata."""


class Line(NamedTuple):
    """One line with its number, from 1; `data` is None where it was too long."""

    number: int
    data: bytes | None


class Lines:
    """Cuts chunks into lines; blank lines are counted and otherwise passed over."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._is_too_long = False
        self._n = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in this chunk."""
        first, *others = chunk.split(b"\n")
        self._keep(first)
        if not others:
            return
        yield from self._end()
        # Nearly all lines are whole in their chunk.
        for other in others[:-1]:
            self._n += 1
            if len(other) > self._max_bytes:
                yield Line(self._n, None)
            elif other and not other.isspace():
                yield Line(self._n, other)
        self._keep(others[-1])

    def end(self) -> Iterator[Line]:
        """The last line, where no line break ends it."""
        if self._rest or self._is_too_long:
            yield from self._end()

    def _keep(self, part: bytes) -> None:
        self._rest = self._rest + part if self._rest else part
        if len(self._rest) > self._max_bytes:
            self._rest, self._is_too_long = b"", True

    def _end(self) -> Iterator[Line]:
        self._n += 1
        if self._is_too_long:
            yield Line(self._n, None)
        elif self._rest and not self._rest.isspace():
            yield Line(self._n, self._rest)
        self._rest, self._is_too_long = b"", False
