"""Edited copies of the demo's photographs: what people do before they look for them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lookalike.demo.photographs import spread
from lookalike.errors import ImageUnreadable
from lookalike.pictures.edits import Edit, cropped, lit, quarter_turned, rotated, unchanged
from lookalike.pictures.opening import open_picture

EDITS = (
    Edit("cropped to 80 %", cropped(0.8, 0.3, 0.7)),
    Edit("cropped to 60 %", cropped(0.6, 0.6, 0.4)),
    Edit("rotated by 5°", rotated(5)),
    Edit("rotated by 15°", rotated(-15)),
    Edit("turned by 90°", quarter_turned),
    Edit("half as bright", lit(0.5)),
    Edit("brighter by half", lit(1.5)),
    Edit("JPEG quality 30", unchanged, jpeg_quality=30),
    Edit("JPEG quality 10", unchanged, jpeg_quality=10),
)


@dataclass(frozen=True, slots=True)
class EditedCopy:
    """An edited copy on disk, the photograph that it was made of, and the edit's name."""

    path: Path
    original: Path
    edit: str


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
