"""The pictures' pixels, decoded once as the worker decodes them, in one file beside the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import Rejected
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.wire import Limits
from lookalike_worker.finetune.class_folders import TrainingSet
from lookalike_worker.runtimes.machine import usable_cores

PixelArray = npt.NDArray[np.uint8]
"""Decoded pictures, RGB, uint8, shape (n, size, size, 3)."""

_PIXELS = "pixels.uint8"
_LISTING = "pixels.json"

# All at once would hold every decoded picture that the disk does not take fast enough.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is no picture, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class DecodedSet:
    """The readable pictures of a training set; `names` are paths below its folder."""

    names: tuple[str, ...]
    classes: npt.NDArray[np.int64]
    pixels: PixelArray
    unreadable: tuple[Unreadable, ...]


def decode_set(
    images: TrainingSet, folder: Path, *, size: int, max_pixels: int, advance: Callable[[int], None]
) -> DecodedSet:
    """Decode all pictures into a file of the folder; what is no picture is left out and named.

    The file is used again where the same pictures were decoded before.
    Raises OSError where the disk is full.
    """
    key = f"{images.digest} {size}"
    listing = folder / _LISTING
    if not listing.is_file() or json.loads(listing.read_text())["key"] != key:
        listing.unlink(missing_ok=True)
        content = _decode_all(images, folder / _PIXELS, size, max_pixels, advance)
        # Written last, and at once: where it is, the pixels are complete.
        unfinished = listing.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"key": key, **content}))
        unfinished.rename(listing)
    return _open(json.loads(listing.read_text()), folder / _PIXELS, size)


def forget_pixels(folder: Path) -> None:
    """Remove what `decode_set` left in the folder."""
    for name in (_LISTING, _PIXELS):
        (folder / name).unlink(missing_ok=True)


def _decode_all(
    images: TrainingSet, file: Path, size: int, max_pixels: int, advance: Callable[[int], None]
) -> dict[str, object]:
    def decode(path: Path) -> PixelArray | str:
        try:
            return pool.decode(path.read_bytes(), size=size).pixels
        except (Rejected, OSError) as error:
            return str(error)

    names, classes, unreadable = [], [], []
    n_cores = usable_cores()
    pool = DecoderPool(Limits.of(max_pixels=max_pixels), n_processes=n_cores)
    with file.open("wb") as out, pool, ThreadPoolExecutor(n_cores) as threads:
        for start in range(0, len(images.images), _AT_ONCE):
            part = images.images[start : start + _AT_ONCE]
            decoded = threads.map(decode, [image.path for image in part])
            for image, pixels in zip(part, decoded, strict=True):
                name = image.path.relative_to(images.folder).as_posix()
                if isinstance(pixels, str):
                    unreadable.append((name, pixels))
                else:
                    out.write(pixels.tobytes())
                    names.append(name)
                    classes.append(image.label)
            advance(len(part))
    return {"names": names, "classes": classes, "unreadable": unreadable}


def _open(content: dict[str, Any], file: Path, size: int) -> DecodedSet:
    names = tuple(content["names"])
    shape = (len(names), size, size, 3)
    pixels = np.memmap(file, np.uint8, "r", shape=shape) if names else np.zeros(shape, np.uint8)
    return DecodedSet(
        names,
        np.array(content["classes"], np.int64),
        pixels,
        tuple(Unreadable(*pair) for pair in content["unreadable"]),
    )
