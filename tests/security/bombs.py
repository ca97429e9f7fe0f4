"""Files that are small and ask for much: memory, time, or another program."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tests.unit.worker.corpus import corpus, encoded, picture

UNREADABLE, TOO_LARGE, EMBEDS = "ImageUnreadable", "ImageTooLarge", "embeds"

_SIDE = 7000
"""A square of so many pixels is just allowed."""

_OTHER_FORMATS = ("BLP", "DDS", "EPS", "ICNS", "ICO", "JPEG2000", "PCX", "PDF", "PPM", "SGI", "TGA")


@dataclass(frozen=True, slots=True)
class Bomb:
    """A file, and what may become of it: one of these words."""

    name: str
    data: bytes
    outcomes: tuple[str, ...]


def bombs() -> Iterator[Bomb]:
    """Every one that ends by itself; `endless_jpeg` does not."""
    yield from _png_bombs()
    yield from _tiff_bombs()
    yield from _jpeg_bombs()
    yield from _animations()
    yield from _boxes()
    yield from _bitmaps()


def strangers() -> Iterator[tuple[str, bytes]]:
    """Files of formats that are not decoded, though Pillow could open many of them."""
    for name in _OTHER_FORMATS:
        yield name, encoded(_in_a_mode_for(name), name)
    yield "PSD", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(400)
    yield "FITS", b"SIMPLE  =                    T".ljust(2880) + bytes(2880)
    yield "PostScript", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n"
    yield "SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'
    yield "MVG", b"push graphic-context\nimage over 0,0 0,0 'https://example.org/x'\n"
    jpeg = encoded(picture(), "JPEG")
    yield "gzip", gzip.compress(jpeg)
    yield "zip", _zipped({"a.jpg": jpeg, "../../b.jpg": jpeg})
    yield "zip of zeros", _zipped({"zeros": bytes(10_000_000)})


def endless_jpeg(n_scans: int) -> bytes:
    """A progressive JPEG of 49 megapixels in some kilobytes, with the same scan again and again.

    Each goes through all blocks of the picture.
    """
    data = encoded(Image.new("L", (16, 16), 128), "JPEG", progressive=True)
    frame = data.index(b"\xff\xc2") + 5
    scan = data.index(b"\xff\xda")
    end = data.index(b"\xff", scan + 2 + struct.unpack_from(">H", data, scan + 2)[0])
    # The blocks that a scan does not bring are taken for empty.
    sized = data[:frame] + struct.pack(">HH", _SIDE, _SIDE) + data[frame + 4 : scan]
    return sized + data[scan:end] * n_scans + b"\xff\xd9"


def _png_bombs() -> Iterator[Bomb]:
    png = encoded(picture(), "PNG")
    much = zlib.compress(bytes(80_000_000), 9)
    texts = {
        "ztxt": b"zTXt" + b"k\0\0" + much,
        "itxt": b"iTXt" + b"k\0\1\0\0\0" + much,
        "profile": b"iCCP" + b"k\0\0" + much,
    }
    for name, content in texts.items():
        yield Bomb(f"png {name}", _with_chunk(png, content), (EMBEDS, UNREADABLE))
    many = b"".join(_chunk(b"tEXt" + b"k\0" + bytes([65 + i % 26]) * 900) for i in range(20_000))
    yield Bomb("png many texts", png[:33] + many + png[33:], (EMBEDS, UNREADABLE))
    yield Bomb(
        "png exif", _with_chunk(png, b"eXIf" + _endless_directory(), at=33), (EMBEDS, UNREADABLE)
    )
    # More pixels than the header says: the rest is not looked at.
    stream = _chunk(b"IDAT" + much) + _chunk(b"IEND")
    yield Bomb("png stream", _png_header(100, 100, 2) + stream, (EMBEDS, UNREADABLE))
    rows = zlib.compress(bytes((4 * _SIDE + 1) * _SIDE), 1)
    largest = _png_header(_SIDE, _SIDE, 6) + _chunk(b"IDAT" + rows) + _chunk(b"IEND")
    yield Bomb("png of all allowed pixels", largest, (EMBEDS,))
    yield Bomb("png sides", _png_header(2**31 - 1, 2**31 - 1, 6) + stream, (TOO_LARGE, UNREADABLE))


def _tiff_bombs() -> Iterator[Bomb]:
    strip = zlib.compress(bytes(80_000_000), 9)
    plain = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 64, 279: 4096}
    for name, changes, outcomes in (
        ("strip that expands", {259: 8, 279: len(strip)}, (EMBEDS, UNREADABLE)),
        ("strip beyond the end", {273: 2**31}, (UNREADABLE,)),
        ("strip of gigabytes", {259: 5, 279: 2**32 - 1}, (EMBEDS, UNREADABLE)),
        ("sides", {256: 2**31, 257: 2**31}, (TOO_LARGE, UNREADABLE)),
        ("samples", {277: 65_535}, (UNREADABLE,)),
        ("tiles", {322: 2**30, 323: 2**30, 324: 8, 325: 4096}, (EMBEDS, UNREADABLE)),
    ):
        content = strip if changes.get(259) == 8 else bytes(4096)
        yield Bomb(f"tiff {name}", _tiff(plain | changes, content), outcomes)
    endless = bytearray(_tiff(plain, bytes(4096)))
    (directory,) = struct.unpack_from("<I", endless, 4)
    endless[-4:] = struct.pack("<I", directory)
    yield Bomb("tiff endless pages", bytes(endless), (EMBEDS,))
    counts = _tiff(plain, bytes(4096), count_of={273: 2**31})
    yield Bomb("tiff many strips", counts, (UNREADABLE,))


def _jpeg_bombs() -> Iterator[Bomb]:
    jpeg = encoded(picture(), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    empty = jpeg[:at] + struct.pack(">HH", _SIDE, _SIDE) + jpeg[at + 4 :]
    yield Bomb("jpeg of few bytes", empty, (EMBEDS, UNREADABLE))
    exif = b"Exif\0\0" + _endless_directory()
    yield Bomb("jpeg exif", _with_segment(jpeg, 0xE1, exif), (EMBEDS,))
    icc = b"".join(
        _segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 255]) + bytes(65_000)) for i in range(1, 256)
    )
    yield Bomb("jpeg profile", jpeg[:2] + icc + jpeg[2:], (EMBEDS, UNREADABLE))
    parts = struct.pack("<IIHH", 0x10, 2**31, 0, 0)
    mpf = b"MPF\0II*\0" + struct.pack("<IHHHI", 8, 1, 0xB001, 4, 1) + struct.pack("<I", 2**31)
    yield Bomb("jpeg many pictures", _with_segment(jpeg, 0xE2, mpf + parts), (EMBEDS, UNREADABLE))
    yield Bomb("jpeg many comments", jpeg[:2] + _segment(0xFE, bytes(60_000)) * 300 + jpeg[2:],
               (EMBEDS, UNREADABLE))  # fmt: skip


def _animations() -> Iterator[Bomb]:
    frame = encoded(Image.new("P", (8, 8)), "GIF")
    at = frame.index(b",", 13)
    for name, screen, size in (
        ("frame larger than its screen", (1, 1), (65_535, 65_535)),
        ("screen larger than its frame", (65_535, 65_535), (8, 8)),
        ("allowed screen", (_SIDE, _SIDE), (8, 8)),
    ):
        gif = bytearray(frame)
        gif[6:10] = struct.pack("<HH", *screen)
        gif[at + 5 : at + 9] = struct.pack("<HH", *size)
        outcomes = (EMBEDS, UNREADABLE) if name == "allowed screen" else (TOO_LARGE, UNREADABLE)
        yield Bomb(f"gif {name}", bytes(gif), outcomes)
    body = frame[at:-1]
    yield Bomb("gif many frames", frame[:at] + body * 20_000 + b";", (EMBEDS,))
    webp = encoded(picture(), "WEBP", save_all=True, append_images=[Image.new("RGB", (96, 64))])
    canvas = webp.index(b"VP8X") + 12
    largest = webp[:canvas] + b"\xff" * 6 + webp[canvas + 6 :]
    yield Bomb("webp canvas", largest, (TOO_LARGE, UNREADABLE))
    side = struct.pack("<I", _SIDE - 1)[:3]
    allowed = webp[:canvas] + side * 2 + webp[canvas + 6 :]
    yield Bomb("webp allowed canvas", allowed, (EMBEDS, UNREADABLE))


def _boxes() -> Iterator[Bomb]:
    """AVIF and HEIC say their size in a box named `ispe`."""
    cases = {case.name: case.data for case in corpus()}
    for name in ("plain.avif", "plain.heic"):
        data = cases[name]
        at = data.index(b"ispe") + 8
        for side in (2**31 - 1, 60_000, _SIDE):
            wrong = data[:at] + struct.pack(">II", side, side) + data[at + 8 :]
            yield Bomb(f"{name} of {side}", wrong, (EMBEDS, TOO_LARGE, UNREADABLE))


def _bitmaps() -> Iterator[Bomb]:
    for name, compression, sides in (
        ("rows", 0, (_SIDE, _SIDE)),
        ("runs", 1, (_SIDE, _SIDE)),
        ("sides", 0, (2**31 - 1, 2**31 - 1)),
        ("negative sides", 0, (-8, -(2**31))),
    ):
        header = struct.pack("<IiiHHIIiiII", 40, *sides, 1, 8, compression, 0, 0, 0, 256, 0)
        data = b"BM" + struct.pack("<IHHI", 2000, 0, 0, 14 + 40 + 1024) + header
        outcomes = (UNREADABLE,) if name == "rows" else (EMBEDS, TOO_LARGE, UNREADABLE)
        yield Bomb(f"bmp {name}", data + bytes(1024) + b"\xff\x01" * 9 + b"\0\1", outcomes)


def _in_a_mode_for(name: str) -> Image.Image:
    image = picture().convert({"BLP": "P", "ICNS": "RGBA"}.get(name, "RGB"))
    return image.resize((128, 128)) if name == "ICNS" else image


def _zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _with_chunk(png: bytes, content: bytes, at: int = 33) -> bytes:
    return png[:at] + _chunk(content) + png[at:]


def _png_header(width: int, height: int, colours: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR" + header)


def _segment(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content


def _with_segment(jpeg: bytes, kind: int, content: bytes) -> bytes:
    return jpeg[:2] + _segment(kind, content) + jpeg[2:]


def _tiff(tags: dict[int, int], content: bytes, count_of: dict[int, int] | None = None) -> bytes:
    """One directory after the content; all values are long."""
    counts = count_of or {}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, counts.get(tag, 1), tags[tag]) for tag in sorted(tags)
    )
    head = b"II*\0" + struct.pack("<I", 8 + len(content))
    return head + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def _endless_directory() -> bytes:
    """EXIF whose directory points to itself, with values of gigabytes."""
    entries = [
        struct.pack("<HHII", 0x0112, 3, 2**31, 8),
        struct.pack("<HHII", 0x8769, 4, 1, 8),
        struct.pack("<HHII", 0x927C, 7, 2**32 - 1, 8),
    ]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + struct.pack("<I", 8)
