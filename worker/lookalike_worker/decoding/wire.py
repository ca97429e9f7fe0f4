"""What a worker and its decoder processes say to each other.

Pictures and pixels go through one file in memory that both hold; a request
and an answer are a few bytes in a pipe, so each side is woken once an image.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Self

# Python, NumPy and the codecs are 130 MB of address space; the rest is the file and small change.
_MEMORY_BYTES = 500_000_000
# Four for a picture with transparency, once more where its colours are converted, and six for
# what a progressive JPEG keeps of each pixel until its last scan.
_BYTES_A_PIXEL = 16
# One that computes gets less than a core where as many decode as there are, beside an encoder.
_WALL = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may have and cost.

    `cpu_s` is the decoder's own computing, for which a picture is refused;
    `wall_s` ends one that waits for something, which may be the machine's
    fault. `memory_bytes` is the address space of its whole process.
    """

    max_pixels: int
    cpu_s: float
    wall_s: float
    memory_bytes: int

    @classmethod
    def of(cls, *, max_pixels: int, cpu_s: float = 20) -> Self:
        """Limits that every sound picture of so many pixels keeps."""
        memory_bytes = _MEMORY_BYTES + _BYTES_A_PIXEL * max_pixels
        return cls(max_pixels, cpu_s, _WALL * cpu_s, memory_bytes)

    def to_wire(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_wire(cls, wire: str) -> Self:
        return cls(**json.loads(wire))


class Verdict(IntEnum):
    """What an answer brings; READY is said once, before the first request."""

    READY = 0
    DECODED = 1
    UNREADABLE = 2
    TOO_LARGE = 3
    OUT_OF_MEMORY = 4


@dataclass(frozen=True, slots=True)
class Request:
    """The file's first `n_bytes` are a picture."""

    n_bytes: int
    size: int
    thumbnail_px: int

    _FORMAT = struct.Struct("=QII")
    LENGTH = _FORMAT.size

    def to_wire(self) -> bytes:
        return self._FORMAT.pack(self.n_bytes, self.size, self.thumbnail_px)

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        return cls(*cls._FORMAT.unpack(wire))


@dataclass(frozen=True, slots=True)
class Answer:
    """The file begins with the pixels and goes on with a thumbnail of `n_bytes`, or with a message.

    `value` is how many pixels a picture has that is too large.
    """

    verdict: Verdict
    n_bytes: int = 0
    value: int = 0

    _FORMAT = struct.Struct("=BIQ")
    LENGTH = _FORMAT.size

    def to_wire(self) -> bytes:
        return self._FORMAT.pack(self.verdict, self.n_bytes, self.value)

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Raises ValueError or struct.error for what is no answer."""
        verdict, n_bytes, value = cls._FORMAT.unpack(wire)
        return cls(Verdict(verdict), n_bytes, value)
