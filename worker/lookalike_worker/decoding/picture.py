"""Bytes to pixels: every picture becomes a small RGB square, every other thing a typed error."""

from __future__ import annotations

import functools
import struct
import zlib
from io import BytesIO

import numpy as np
import pi_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.Image import Transpose

from lookalike.errors import ImageTooLarge, ImageUnreadable
from lookalike.pictures.formats import FORMAT_NAMES, FORMATS
from lookalike_worker.decoding.decoded import Decoded

# What Pillow and its decoders raise on hostile bytes; UnicodeError is a ValueError.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

# A picture is first reduced by whole numbers to at least this many times the wanted
# size (JPEG's own scaling where it can): 27.6 twelve-megapixel JPEGs a second instead
# of 8.0, and 0.43 grey levels from the plain antialiased resize.
_REDUCING_GAP = 2

# Some 10 kB at 256 pixels; artefacts that nobody sees at that size.
_THUMBNAIL_QUALITY = 80

_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""The EXIF orientations but the first, and what sets such a picture upright."""

_TURNS = (
    Transpose.TRANSPOSE,
    Transpose.ROTATE_270,
    Transpose.TRANSVERSE,
    Transpose.ROTATE_90,
)


def decode_image(data: bytes, *, size: int, max_pixels: int, thumbnail_px: int = 0) -> Decoded:
    """Decode an image's bytes and squash the whole picture to `size` × `size` pixels.

    Gives uint8 RGB of shape (size, size, 3): upright by its EXIF orientation,
    in sRGB, transparency on white, 16-bit grey scaled, the first frame of an
    animation. The format is told by the content. With `thumbnail_px`, a JPEG
    whose longest side has so many pixels at most comes along.

    Raises ImageTooLarge, before anything is decoded, where width × height
    exceeds `max_pixels`, and ImageUnreadable for everything that is no whole
    picture in a supported format. MemoryError is left to the caller.
    """
    if not data:
        raise ImageUnreadable(f"found an empty file; expected a picture: {FORMAT_NAMES}")
    prepare_pillow()
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_size(image, max_pixels)
            return _decoded(image, size, thumbnail_px)
    except UnidentifiedImageError as error:
        raise ImageUnreadable(
            f"found {len(data):,} bytes that begin with {data[:12]!r} and are no picture; "
            f"expected {FORMAT_NAMES}: give an image's own bytes or address",
            value=data[:12],
        ) from error
    except _DAMAGE as error:
        raise ImageUnreadable(
            f"found a picture that cannot be decoded ({str(error) or type(error).__name__}); "
            f"expected a whole {FORMAT_NAMES}: export or upload it again"
        ) from error


@functools.cache
def prepare_pillow() -> None:
    """Load every decoder, and leave the limit of pixels to `_check_size`."""
    # One process a core decodes, so that a decoder's own threads would only take turns.
    pi_heif.register_heif_opener(decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # Pillow only warns from 89 to 179 megapixels, and refuses more whatever the settings say.
    Image.MAX_IMAGE_PIXELS = None
    # What nobody recognises makes Pillow load its other plug-ins too; better now than at a picture.
    Image.init()


def _check_size(image: Image.Image, max_pixels: int) -> None:
    n_pixels = image.width * image.height
    if n_pixels > max_pixels:
        raise ImageTooLarge(
            f"found a picture of {image.width} × {image.height}, {n_pixels:,} pixels; expected at "
            f"most {max_pixels:,}: scale it down, or raise LOOKALIKE_MAX_PIXELS",
            value=n_pixels,
        )


def _decoded(image: Image.Image, size: int, thumbnail_px: int) -> Decoded:
    box = _draft(image, size)
    image.load()
    whole = _resizable(image)
    upright = _upright(image)

    def shrunk(width: int, height: int) -> Image.Image:
        """RGB of this size before it is turned; colours are cheapest to mend when it is small."""
        small = whole.resize(
            (width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=_REDUCING_GAP
        )
        rgb = _on_white(small, image.info.get("icc_profile"))
        return rgb if upright is None else rgb.transpose(upright)

    square = shrunk(size, size)
    pixels = np.array(square, dtype=np.uint8)
    if not thumbnail_px:
        return Decoded(pixels)
    sides = _within(box[2:] if box else whole.size, thumbnail_px)
    if max(sides) > size or min(whole.size) < size:
        return Decoded(pixels, _jpeg(shrunk(*sides)))
    # The square shows as much already, upright and in sRGB: 1.6 ms instead of 4.
    small = square.resize(sides[::-1] if upright in _TURNS else sides, Image.Resampling.BILINEAR)
    return Decoded(pixels, _jpeg(small))


def _within(sides: tuple[float, float], longest: int) -> tuple[int, int]:
    """Sides in the same ratio, neither above `longest`; nothing is enlarged."""
    scale = min(1.0, longest / max(sides))
    return max(1, round(sides[0] * scale)), max(1, round(sides[1] * scale))


def _jpeg(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=_THUMBNAIL_QUALITY)
    return file.getvalue()


def _draft(image: Image.Image, size: int) -> tuple[float, float, float, float] | None:
    """Let a JPEG decode at a fraction of its size; gives the part that the picture then fills."""
    drafted = image.draft(None, (size * _REDUCING_GAP, size * _REDUCING_GAP))
    return None if drafted is None else drafted[1]


def _resizable(image: Image.Image) -> Image.Image:
    """The same picture in a mode that can be averaged: no palette, no bits, no odd byte order."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):
        return image.convert("I")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _on_white(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of any resizable mode as sRGB on a white ground."""
    if image.mode == "I":
        image = _eight_bits(image)
    if image.mode == "F":
        raise ValueError("its pixels are fractions, of which nobody knows which one is white")
    if image.mode != "RGBA":
        return _in_srgb(image, profile)
    ground = Image.new("RGB", image.size, "white")
    ground.paste(_in_srgb(image.convert("RGB"), profile), mask=image.getchannel("A"))
    return ground


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey; Pillow's own conversion clips it, and all turns white."""
    levels = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise ValueError("its grey levels need more than 16 bits")
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image, BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError:
            pass  # a damaged profile, or one for other channels: every viewer ignores it
        else:
            assert converted is not None
            return converted
    return image.convert("RGB")


def _upright(image: Image.Image) -> Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        return None  # damaged metadata beside a sound picture
