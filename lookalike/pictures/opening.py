"""Pictures opened as people see them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pi_heif
from PIL import Image, ImageOps

from lookalike.errors import ImageUnreadable
from lookalike.pictures.formats import FORMAT_NAMES, FORMATS

# Copies and tiles are at most about half this wide, so that 12-megapixel
# originals cost a draft decode and not a full one.
_LONGEST_SIDE = 1024


def open_picture(picture: Path | bytes) -> Image.Image:
    """Read a picture as it is meant to be seen: RGB, upright, at most 1024 pixels a side.

    Transparent parts turn white. Raises ImageUnreadable.
    """
    pi_heif.register_heif_opener()
    try:
        source = BytesIO(picture) if isinstance(picture, bytes) else picture
        with Image.open(source, formats=FORMATS) as file:
            file.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
            upright = ImageOps.exif_transpose(file)
            upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            return _on_white(upright)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        name = f"{len(picture)} bytes" if isinstance(picture, bytes) else picture.name
        raise ImageUnreadable(
            f"found {name}, which Pillow cannot read ({error}); expected {FORMAT_NAMES}: "
            "take it out of the folder",
            value=name,
        ) from error


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layers = picture.convert("RGBA")
    white = Image.new("RGBA", layers.size, "white")
    return Image.alpha_composite(white, layers).convert("RGB")
