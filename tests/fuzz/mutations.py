"""Damaged pictures: the same for the same seed and number, of each format about as many."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from PIL import Image

from tests.unit.worker.corpus import corpus, encoded

# Where lengths, counts and offsets overflow, or change their sign.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# Headers stand in front, and most of what decoders believe stands in headers.
_HEADER = 256
_LONGEST = 200_000

Change = Callable[[bytearray, Random], None]


def mutant(seed: int, number: int) -> bytes:
    """One of endlessly many damaged pictures."""
    chance = Random(f"{seed} {number}")
    data = bytearray(chance.choice(chance.choice(_sources())))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        chance.choice(_CHANGES)(data, chance)
    if data.startswith(b"\x89PNG") and chance.random() < 0.8:
        # Else the first checksum ends all, and no decoder sees the damage.
        data = with_checksums(data)
    return bytes(data[:_LONGEST])


def with_checksums(png: bytearray) -> bytearray:
    """The same PNG with the right checksum after each chunk that is whole."""
    at = 8
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        end = at + 8 + length
        if end + 4 > len(png):
            break
        struct.pack_into(">I", png, end, zlib.crc32(png[at + 4 : end]))
        at = end + 4
    return png


@functools.cache
def _sources() -> Sequence[Sequence[bytes]]:
    """Sound and odd files, by their format."""
    cases = [case.data for case in corpus() if case.data]
    return [
        [data for data in [*cases, *_tiny()] if is_of(data)]
        for is_of in (
            lambda data: data.startswith(b"\xff\xd8"),
            lambda data: data.startswith(b"\x89PNG"),
            lambda data: data.startswith(b"RIFF"),
            lambda data: data.startswith(b"GIF8"),
            lambda data: data[:4] in (b"II*\0", b"MM\0*"),
            lambda data: data.startswith(b"BM"),
            lambda data: data[4:8] == b"ftyp",
        )
    ]


def _tiny() -> list[bytes]:
    """Small ones of every kind: in these, damage hits what matters."""
    colours = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    image = Image.fromarray(colours)
    return [
        encoded(image, "JPEG"),
        encoded(image, "JPEG", progressive=True),
        encoded(image.convert("L"), "JPEG"),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "PNG"),
        encoded(image.quantize(7), "PNG"),
        encoded(image.convert("LA"), "PNG"),
        encoded(image, "WEBP"),
        encoded(image, "WEBP", lossless=True),
        encoded(image, "GIF"),
        encoded(image, "GIF", save_all=True, append_images=[image.rotate(180)]),
        *(
            encoded(image, "TIFF", compression=name)
            for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        encoded(image.convert("1"), "TIFF", compression="group3"),
        encoded(image, "BMP"),
        encoded(image.quantize(7), "BMP"),
        encoded(image, "AVIF"),
    ]


def _place(data: bytearray, chance: Random) -> int:
    end = len(data) if chance.random() < 0.5 else min(len(data), _HEADER)
    return chance.randrange(end) if end else 0


def _flip(data: bytearray, chance: Random) -> None:
    for _ in range(chance.choice((1, 2, 4, 16))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _edge(data: bytearray, chance: Random) -> None:
    """A whole number becomes an extreme one, in either byte order."""
    width = chance.choice((1, 2, 4))
    number = (chance.choice(_EDGES) + chance.choice((0, 0, 1, -1))) % (1 << 8 * width)
    at = _place(data, chance)
    data[at : at + width] = number.to_bytes(width, chance.choice(("big", "little")))


def _delete(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 4, 16, 64, 256))]


def _double(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    piece = data[at : at + chance.choice((1, 2, 4, 16, 64, 256))]
    data[at:at] = piece * chance.choice((1, 1, 2, 50))


def _insert(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    data[at:at] = chance.randbytes(chance.choice((1, 2, 4, 16, 64)))


def _cut(data: bytearray, chance: Random) -> None:
    del data[chance.randint(len(data) // 4, len(data)) :]


def _swap(data: bytearray, chance: Random) -> None:
    """Two pieces change places."""
    length = chance.choice((1, 4, 16, 64))
    one, other = sorted((_place(data, chance), _place(data, chance)))
    if one + length <= other and other + length <= len(data):
        data[one : one + length], data[other : other + length] = (
            data[other : other + length],
            data[one : one + length],
        )


def _splice(data: bytearray, chance: Random) -> None:
    """A piece of another file, of this format or of any."""
    other = chance.choice(chance.choice(_sources()))
    start = chance.randrange(len(other))
    at = _place(data, chance)
    piece = other[start : start + chance.choice((4, 16, 64, 512))]
    data[at : at + (len(piece) if chance.random() < 0.5 else 0)] = piece


_CHANGES: tuple[Change, ...] = (
    _flip,
    _flip,
    _edge,
    _edge,
    _edge,
    _delete,
    _double,
    _insert,
    _cut,
    _swap,
    _splice,
)
