"""Pictures for the page, drawn here: leaves of one colour, so that likeness can be seen."""

from __future__ import annotations

import colorsys
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

_SIDE = 256


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes, and what is known of it."""

    name: str
    data: bytes
    metadata: dict[str, object]


def leaves(n: int, *, hue: float = 0.3, colour: str = "green") -> list[Picture]:
    """Pictures of fallen leaves in shades of a hue; other numbers, other leaves."""
    return [_picture(i, hue, colour) for i in range(n)]


def _picture(number: int, hue: float, colour: str) -> Picture:
    image = _drawn(np.random.default_rng([number, int(hue * 360)]), hue)
    name = f"{colour}-{number}.jpg"
    metadata: dict[str, object] = {"name": name, "colour": colour, "number": number}
    return Picture(name, _jpeg(image), metadata)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _drawn(random: np.random.Generator, hue: float) -> Image.Image:
    image = Image.new("RGB", (_SIDE, _SIDE), _rgb(hue, 0.25, 0.95))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, size = random.uniform(0, _SIDE), random.uniform(0, _SIDE), random.uniform(16, 60)
        fill = _rgb(
            hue + random.normal(0, 0.03), random.uniform(0.4, 0.9), random.uniform(0.4, 0.9)
        )
        pen.ellipse((x - size, y - size / 2, x + size, y + size / 2), fill=fill)
    return image


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return (round(255 * red), round(255 * green), round(255 * blue))
