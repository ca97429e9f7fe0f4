"""Edited copies of a picture, as people make them; the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageEnhance

Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to edit a picture: its name for people, the change, and the JPEG quality after it."""

    name: str
    change: Change
    jpeg_quality: int = 92

    def copy_of(self, picture: Image.Image) -> bytes:
        """The JPEG bytes of the edited copy; the same bytes for the same RGB picture."""
        file = BytesIO()
        self.change(picture).save(file, "JPEG", quality=self.jpeg_quality)
        return file.getvalue()


def cropped(share: float, x: float, y: float) -> Change:
    """Keep `share` of each side; x and y in [0, 1] say where: 0 left or top, 1 right or bottom."""

    def crop(picture: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * share)) for side in picture.size)
        left = round((picture.width - width) * x)
        top = round((picture.height - height) * y)
        return picture.crop((left, top, left + width, top + height))

    return crop


def rotated(degrees: float) -> Change:
    """Turn anticlockwise, and keep the largest part of the same proportions without corners."""

    def rotate(picture: Image.Image) -> Image.Image:
        turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
        sine, cosine = (abs(f(math.radians(degrees))) for f in (math.sin, math.cos))
        longer, shorter = max(picture.size), min(picture.size)
        return cropped(1 / (cosine + sine * longer / shorter), 0.5, 0.5)(turned)

    return rotate


def quarter_turned(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.ROTATE_90)


def lit(factor: float) -> Change:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def unchanged(picture: Image.Image) -> Image.Image:
    return picture


def halved(picture: Image.Image) -> Image.Image:
    """Half the size on each side."""
    return picture.resize([max(1, side // 2) for side in picture.size])
