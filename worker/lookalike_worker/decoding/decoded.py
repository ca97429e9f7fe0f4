"""What becomes of a picture."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike_worker.encoder import Pixels


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture's pixels for the encoder, and a small JPEG of it where one was asked for."""

    pixels: Pixels
    thumbnail: bytes | None = None
