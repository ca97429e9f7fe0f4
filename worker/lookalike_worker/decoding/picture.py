"""Bytes to pixels: every picture becomes a small RGB square, every other thing a typed error."""

from __future__ import annotations

import functools
import struct
import threading
import warnings
import zlib
from io import BytesIO
from types import TracebackType
from typing import Self

import numpy as np
import pi_heif
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.Image import Transpose

from lookalike.errors import ImageTooLarge, ImageUnreadable
from lookalike_worker.encoder import Pixels

# Tried in this order, by content. Pillow's other plug-ins (EPS, FITS, PSD, …) are
# rare as photographs and less tested on hostile files.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")
_FORMAT_NAMES = "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF"

# What Pillow and its decoders raise on hostile bytes; UnicodeError is a ValueError.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
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


class _Quiet:
    """Silences Pillow's warnings while any thread decodes.

    `catch_warnings` swaps a list of the whole process, so overlapping uses in
    threads would restore it in the wrong order: only the first thread in
    enters it, and only the last one out leaves it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> Self:
        with self._lock:
            if self._n_inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\.")
            self._n_inside += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._filters.__exit__(kind, error, traceback)


_quiet = _Quiet()


def decode_image(data: bytes, *, size: int, max_pixels: int) -> Pixels:
    """Decode an image's bytes and squash the whole picture to `size` × `size` pixels.

    Gives uint8 RGB of shape (size, size, 3): upright by its EXIF orientation,
    in sRGB, transparency on white, 16-bit grey scaled, the first frame of an
    animation. The format is told by the content. Safe to call from many threads.

    Raises ImageTooLarge, before anything is decoded, where width × height
    exceeds `max_pixels`, and ImageUnreadable for everything that is no whole
    picture in a supported format.
    """
    if not data:
        raise ImageUnreadable(f"found an empty file; expected a picture: {_FORMAT_NAMES}")
    _prepare_pillow()
    try:
        with _quiet, Image.open(BytesIO(data), formats=_FORMATS) as image:
            _check_size(image, max_pixels)
            return np.array(_square(image, size), dtype=np.uint8)
    except UnidentifiedImageError as error:
        raise ImageUnreadable(
            f"found {len(data):,} bytes that begin with {data[:12]!r} and are no picture; "
            f"expected {_FORMAT_NAMES}: give an image's own bytes or address",
            value=data[:12],
        ) from error
    except _DAMAGE as error:
        raise ImageUnreadable(
            f"found a picture that cannot be decoded ({str(error) or type(error).__name__}); "
            f"expected a whole {_FORMAT_NAMES}: export or upload it again"
        ) from error


@functools.cache
def _prepare_pillow() -> None:
    """Teach Pillow to read HEIC, and leave the limit of pixels to `_check_size`."""
    pi_heif.register_heif_opener()
    # Pillow only warns from 89 to 179 megapixels, and refuses more whatever the settings say.
    Image.MAX_IMAGE_PIXELS = None


def _check_size(image: Image.Image, max_pixels: int) -> None:
    n_pixels = image.width * image.height
    if n_pixels > max_pixels:
        raise ImageTooLarge(
            f"found a picture of {image.width} × {image.height}, {n_pixels:,} pixels; expected at "
            f"most {max_pixels:,}: scale it down, or raise LOOKALIKE_MAX_PIXELS",
            value=n_pixels,
        )


def _square(image: Image.Image, size: int) -> Image.Image:
    """The picture as RGB, size × size; colours and orientation are cheapest to mend when small."""
    box = _draft(image, size)
    image.load()
    small = _resizable(image).resize(
        (size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=_REDUCING_GAP
    )
    rgb = _on_white(small, image.info.get("icc_profile"))
    upright = _upright(image)
    return rgb if upright is None else rgb.transpose(upright)


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
