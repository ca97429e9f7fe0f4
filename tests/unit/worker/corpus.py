"""Odd and hostile image files, each with what has to become of it.

All that embed show the same picture, `picture()`, or the same in grey,
black and white, or on another ground; `looks_like` says which.
"""

from __future__ import annotations

import base64
import functools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.Image import Transpose

EMBEDS = "embeds"

_WIDTH, _HEIGHT = 96, 64
_QUARTERS = {(0, 0): "#c81e1e", (48, 0): "#1ea03c", (0, 32): "#283cc8", (48, 32): "#f0dc3c"}

# What has to be done to an upright picture to store it with this orientation.
_STORED = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}

# A HEIC file of the picture; there is no free encoder to make one here.
_HEIC = """
0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<00042ZDn*}000000000XXk=`10000000000aA{+700000000000000000000B
57=IV*mgE07O6l0RRC200001dH?|c00000006%L001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t00
0010002iX>f9I0002DX>en20001ZXm(>m0RwOV0058x000009`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=Z
ZRVE_RDD?$MQ18@KU0|1Z!00RI30{|YNFo6Y@>PacCZUPz%2mk;B0LTCU0{{p>VgLaE2SfqEa<C#m0000JV{dG7ZewhC0096
E00w{n000zeb8uw<00000003YB002M$000nhX?SS>000032nYxO000+haBX1#00000000310R({p0|Wp70LN`)VRQfh0J|sw
uLSt*p7fn||M6k}|Nf~P*?(%K5S`NN?`C>ZS3m!?4UA^LTj0g{5v#F)fJpoid>>>LabHj;1!4hoI=Gt6s70b2ok36MF!MNeV
ms+SQ3~U2<@~>_3DLh`KX3nt^DLuizW4>#CjEu1?BhCU(aWQ9xM}U~U7E-uO2DB^`hdNoy$Q*KwAg3=ooIb}A2PrH<ds`}8)
IQ#?NO!L@P6*^5<T|s+qc=IpTK`}qWPXt-{qBafB
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A file: `outcome` is EMBEDS, or the name of the error that its bytes end with."""

    name: str
    data: bytes
    outcome: str
    looks_like: Image.Image | None = None

    @property
    def embeds(self) -> bool:
        return self.outcome == EMBEDS


@functools.cache
def picture() -> Image.Image:
    """Four coloured quarters, 96 × 64: no turn or mirroring of it looks like another."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT))
    for corner, colour in _QUARTERS.items():
        image.paste(Image.new("RGB", (48, 32), colour), corner)
    return image


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    """The bytes of an image in a format of Pillow's."""
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


@functools.cache
def corpus() -> tuple[Case, ...]:
    """Every case; names are unique and serve as file names."""
    return (
        *_plain_formats(),
        *_orientations(),
        *_colours(),
        *_transparent(),
        *_animated(),
        *_odd_but_sound(),
        *_no_pictures(),
        *_damaged(),
        *_too_large(),
    )


def _embeds(name: str, data: bytes, looks_like: Image.Image | None = None) -> Case:
    return Case(name, data, EMBEDS, looks_like or picture())


def _unreadable(name: str, data: bytes) -> Case:
    return Case(name, data, "ImageUnreadable")


def _plain_formats() -> Iterator[Case]:
    yield _embeds("plain.jpg", encoded(picture(), "JPEG", quality=95, subsampling=0))
    yield _embeds("progressive.jpg", encoded(picture(), "JPEG", quality=95, progressive=True))
    yield _embeds("plain.png", encoded(picture(), "PNG"))
    yield _embeds("lossless.webp", encoded(picture(), "WEBP", lossless=True))
    yield _embeds("lossy.webp", encoded(picture(), "WEBP", quality=90))
    yield _embeds("still.gif", encoded(picture(), "GIF"))
    yield _embeds("plain.bmp", encoded(picture(), "BMP"))
    yield _embeds("raw.tiff", encoded(picture(), "TIFF"))
    yield _embeds("lzw.tiff", encoded(picture(), "TIFF", compression="tiff_lzw"))
    yield _embeds("jpeg.tiff", encoded(picture(), "TIFF", compression="jpeg", quality=95))
    yield _embeds("plain.avif", encoded(picture(), "AVIF", quality=90))
    yield _embeds("plain.heic", base64.b85decode(_HEIC.replace("\n", "")))


def _orientations() -> Iterator[Case]:
    for orientation, transpose in _STORED.items():
        stored = picture() if transpose is None else picture().transpose(transpose)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        yield _embeds(
            f"orientation_{orientation}.jpg", encoded(stored, "JPEG", quality=95, exif=exif)
        )
        if orientation == 6:
            yield _embeds("orientation_6.png", encoded(stored, "PNG", exif=exif))
            yield _embeds("orientation_6.webp", encoded(stored, "WEBP", lossless=True, exif=exif))
            yield _embeds("orientation_6.tiff", encoded(stored, "TIFF", exif=exif))
            yield _embeds("orientation_6.avif", encoded(stored, "AVIF", quality=90, exif=exif))


def _colours() -> Iterator[Case]:
    grey = picture().convert("L")
    deep = np.asarray(grey, dtype=np.uint16) * 257
    yield _embeds("grey.jpg", encoded(grey, "JPEG", quality=95), grey)
    yield _embeds("cmyk.jpg", encoded(picture().convert("CMYK"), "JPEG", quality=95))
    yield _embeds("cmyk.tiff", encoded(picture().convert("CMYK"), "TIFF"))
    yield _embeds("grey_16_bits.png", encoded(Image.fromarray(deep), "PNG"), grey)
    yield _embeds("grey_16_bits.tiff", encoded(Image.fromarray(deep), "TIFF"), grey)
    yield _embeds("grey_16_bits_big_endian.tiff", _big_endian_tiff(deep), grey)
    yield _embeds("grey_in_32_bits.tiff", encoded(Image.fromarray(deep.astype("i4")), "TIFF"), grey)
    yield _embeds("colour_16_bits.png", _png_of_16_bits(picture()))
    yield _embeds("palette.png", encoded(picture().quantize(16), "PNG"))
    bits = picture().convert("1")
    yield _embeds("black_and_white.png", encoded(bits, "PNG"), bits)
    yield _embeds("black_and_white.tiff", encoded(bits, "TIFF", compression="group4"), bits)
    red, green, blue = picture().split()
    swapped = Image.merge("RGB", (blue, green, red))
    yield _embeds("profile.png", encoded(swapped, "PNG", icc_profile=_profile_with_red_as_blue()))
    yield _embeds("profile_for_others.jpg", encoded(grey, "JPEG", icc_profile=_srgb()), grey)
    yield _embeds("profile_damaged.jpg", encoded(picture(), "JPEG", icc_profile=b"no profile"))


def _transparent() -> Iterator[Case]:
    hole = Image.new("L", picture().size, 255)
    hole.paste(Image.new("L", (48, 32), 0), (0, 0))
    on_white = Image.composite(picture(), Image.new("RGB", picture().size, "white"), hole)
    with_alpha = picture().copy()
    with_alpha.putalpha(hole)
    yield _embeds("alpha.png", encoded(with_alpha, "PNG"), on_white)
    yield _embeds("alpha.webp", encoded(with_alpha, "WEBP", lossless=True), on_white)
    yield _embeds("alpha.gif", encoded(with_alpha, "GIF"), on_white)
    yield _embeds("alpha.tiff", encoded(with_alpha, "TIFF"), on_white)
    yield _embeds("alpha_grey.png", encoded(with_alpha.convert("LA"), "PNG"), on_white.convert("L"))
    palette = picture().quantize(16)
    first = palette.getpixel((0, 0))
    yield _embeds("transparent_index.png", encoded(palette, "PNG", transparency=first), on_white)
    key = (0xC8, 0x1E, 0x1E)
    yield _embeds("transparent_colour.png", encoded(picture(), "PNG", transparency=key), on_white)


def _animated() -> Iterator[Case]:
    second = [Image.new("RGB", picture().size, "black")]
    for image_format in ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "MPO"):
        data = encoded(picture(), image_format, save_all=True, append_images=second)
        yield _embeds(f"animated.{image_format.lower()}", data)


def _odd_but_sound() -> Iterator[Case]:
    dot = Image.new("RGB", (1, 1), "#3c78b4")
    yield _embeds("single_pixel.png", encoded(dot, "PNG"), dot)
    line = Image.new("RGB", (20_000, 1), "#3c78b4")
    yield _embeds("long_line.png", encoded(line, "PNG"), line)
    yield _embeds("exif_damaged.jpg", encoded(picture(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff"))
    yield _embeds("rest_after_the_end.jpg", encoded(picture(), "JPEG", quality=95) + b"\0" * 999)
    yield _embeds("png_named.jpg", encoded(picture(), "PNG"))


def _no_pictures() -> Iterator[Case]:
    yield _unreadable("empty.jpg", b"")
    yield _unreadable("zeros.jpg", bytes(4096))
    yield _unreadable("text.jpg", "Grüße aus der Küche, no picture at all.\n".encode() * 20)
    yield _unreadable("page.jpg", b"<!doctype html><title>404</title><p>Not here")
    yield _unreadable("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>')
    yield _unreadable("other_format.ppm", encoded(picture(), "PPM"))
    yield _unreadable("fractions.tiff", encoded(Image.new("F", (8, 8), 0.5), "TIFF"))
    yield _unreadable("grey_32_bits.tiff", encoded(Image.new("I", (8, 8), 1 << 20), "TIFF"))
    yield _unreadable("ftyp_alone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


def _damaged() -> Iterator[Case]:
    for case in _plain_formats():
        yield _unreadable(f"half_{case.name}", case.data[: len(case.data) // 2])
    png = encoded(picture(), "PNG")
    at = png.index(b"IDAT") + 10
    yield _unreadable("broken_stream.png", png[:at] + b"\xff" * 8 + png[at + 8 :])
    yield _unreadable("no_pixels.png", _png_header(96, 64) + _chunk(b"IEND", b""))


def _too_large() -> Iterator[Case]:
    def too_large(name: str, data: bytes) -> Case:
        return Case(name, data, "ImageTooLarge")

    stream = _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")
    yield too_large("huge.png", _png_header(60_000, 60_000) + stream)
    # Between one and two times Pillow's own limit, where Pillow merely warns.
    yield too_large("large.png", _png_header(12_000, 10_000) + stream)
    jpeg = bytearray(encoded(picture(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    yield too_large("huge.jpg", bytes(jpeg))
    gif = bytearray(encoded(picture(), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield too_large("huge.gif", bytes(gif))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _png_header(width: int, height: int, bits: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)


def _png_of_16_bits(image: Image.Image) -> bytes:
    deep = (np.asarray(image, dtype=np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    pixels = _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return _png_header(image.width, image.height, bits=16) + pixels


def _big_endian_tiff(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bytes:
    height, width = levels.shape
    tags = {256: width, 257: height, 258: 16, 259: 1, 262: 1, 277: 1, 278: height}
    n_tags = len(tags) + 2
    tags |= {273: 8 + 2 + 12 * n_tags + 4, 279: levels.size * 2}
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    directory = struct.pack(">H", n_tags) + entries + bytes(4)
    return b"MM\0*" + struct.pack(">I", 8) + directory + levels.astype(">u2").tobytes()


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _profile_with_red_as_blue() -> bytes:
    """sRGB's profile with the names of two primaries swapped."""
    swap = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    profile = bytearray(_srgb())
    for entry in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12):
        name = bytes(profile[entry : entry + 4])
        profile[entry : entry + 4] = swap.get(name, name)
    return bytes(profile)
