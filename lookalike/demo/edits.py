"""Edited copies of a photograph: what people do to a picture before they look for it again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageEnhance

from lookalike.demo.photographs import open_picture, spread
from lookalike.errors import ImageUnreadable

_Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to edit a picture: its name for people, the change, and the JPEG quality after it."""

    name: str
    change: _Change
    jpeg_quality: int = 92

    def copy_of(self, picture: Image.Image) -> bytes:
        """The JPEG bytes of the edited copy; the same bytes for the same RGB picture."""
        file = BytesIO()
        self.change(picture).save(file, "JPEG", quality=self.jpeg_quality)
        return file.getvalue()


@dataclass(frozen=True, slots=True)
class EditedCopy:
    """An edited copy on disk, the photograph that it was made of, and the edit's name."""

    path: Path
    original: Path
    edit: str


def _cropped(share: float, x: float, y: float) -> _Change:
    """Keep `share` of each side; x and y in [0, 1] say where: 0 left or top, 1 right or bottom."""

    def crop(picture: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * share)) for side in picture.size)
        left = round((picture.width - width) * x)
        top = round((picture.height - height) * y)
        return picture.crop((left, top, left + width, top + height))

    return crop


def _rotated(degrees: float) -> _Change:
    """Turn anticlockwise, and keep the largest part of the same proportions without corners."""

    def rotate(picture: Image.Image) -> Image.Image:
        turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
        sine, cosine = (abs(f(math.radians(degrees))) for f in (math.sin, math.cos))
        longer, shorter = max(picture.size), min(picture.size)
        return _cropped(1 / (cosine + sine * longer / shorter), 0.5, 0.5)(turned)

    return rotate


def _quarter_turned(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.ROTATE_90)


def _lit(factor: float) -> _Change:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def _unchanged(picture: Image.Image) -> Image.Image:
    return picture


EDITS = (
    Edit("cropped to 80 %", _cropped(0.8, 0.3, 0.7)),
    Edit("cropped to 60 %", _cropped(0.6, 0.6, 0.4)),
    Edit("rotated by 5°", _rotated(5)),
    Edit("rotated by 15°", _rotated(-15)),
    Edit("turned by 90°", _quarter_turned),
    Edit("half as bright", _lit(0.5)),
    Edit("brighter by half", _lit(1.5)),
    Edit("JPEG quality 30", _unchanged, jpeg_quality=30),
    Edit("JPEG quality 10", _unchanged, jpeg_quality=10),
)


def write_copies(
    photographs: list[Path], folder: Path, *, max_copies: int = 20 * len(EDITS)
) -> list[EditedCopy]:
    """Write every edit of a spread of the photographs, whole sets up to `max_copies` files.

    The copies of the i-th photograph of the spread come together, in the
    order of EDITS. Unreadable photographs are passed over: that they fail is
    for the worker to say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = spread(photographs, max(1, max_copies // len(EDITS)))
    return [copy for i, original in enumerate(chosen) for copy in _write(i, original, folder)]


def showcase(copies: list[EditedCopy], n: int) -> list[EditedCopy]:
    """Pick n of `write_copies`' copies by position: other photographs and other edits each time."""
    n_sets, size = len(copies) // len(EDITS), len(EDITS)
    return [copies[k * n_sets // n * size + k * size // n] for k in range(n if copies else 0)]


def _write(number: int, original: Path, folder: Path) -> Iterator[EditedCopy]:
    try:
        picture = open_picture(original)
    except ImageUnreadable:
        return
    for edit in EDITS:
        name = "-".join(word for word in edit.name.replace("°", "").split() if word != "%")
        # Numbered, because a user's folders may hold the same file name twice.
        path = folder / f"{number:03}-{original.stem[:60]}-{name}.jpg"
        path.write_bytes(edit.copy_of(picture))
        yield EditedCopy(path, original, edit.name)
