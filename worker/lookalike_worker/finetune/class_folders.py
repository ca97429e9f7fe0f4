"""Class folders: every folder in the given one is a label, the pictures below it are its examples.

products/
    milk/   1.jpg 2.jpg …
    juice/  1.jpg 2.jpg …
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import TrainingSetUnusable
from lookalike.images import find_images

_EXPECTED = "expected one folder for each class, with its pictures in it"


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A picture's path and the number of its label."""

    path: Path
    label: int


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Labels in alphabetical order, and the pictures of each, in the order of their paths."""

    folder: Path
    labels: tuple[str, ...]
    images: tuple[LabelledImage, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of names, sizes and times: another set of pictures, another one."""
        lines = []
        for image in self.images:
            stat = image.path.stat()
            name = image.path.relative_to(self.folder).as_posix()
            lines.append(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}")
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def read_class_folders(folder: Path) -> TrainingSet:
    """Find the labels and pictures below a folder; hidden folders do not count.

    Raises TrainingSetUnusable where there is no folder, no class folder,
    only one class with pictures, or pictures beside the class folders only.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise TrainingSetUnusable(
            f"{folder} is no folder; {_EXPECTED}: check the path", value=str(folder)
        )
    classes = {path.name: find_images(path) for path in sorted(folder.iterdir()) if _counts(path)}
    labels = tuple(name for name, paths in classes.items() if paths)
    if len(labels) < 2:
        raise TrainingSetUnusable(_too_few(folder, len(classes), labels), value=str(folder))
    images = [
        LabelledImage(path, number)
        for number, label in enumerate(labels)
        for path in classes[label]
    ]
    return TrainingSet(folder, tuple(map(_label, labels)), tuple(images))


def _label(name: str) -> str:
    # One line of UTF-8 in the module's labels, whatever the disk allows in a name.
    return " ".join(os.fsencode(name).decode(errors="replace").split())


def _counts(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _too_few(folder: Path, n_folders: int, labels: tuple[str, ...]) -> str:
    if not n_folders:
        found = f"{folder} holds no folders"
    elif not labels:
        found = f"the {n_folders} folders in {folder} hold no pictures"
    else:
        found = f"{folder} holds pictures of one class only, {labels[0]!r}"
    return f"{found}; {_EXPECTED}, and at least two classes: sort the pictures into such folders"
