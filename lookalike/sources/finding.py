"""Folders and patterns, on this machine and in buckets: the images in them, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path

from lookalike.errors import ImageNotFound
from lookalike.images import ImageRef, is_named_like_a_picture
from lookalike.sources.object_stores import ObjectStore
from lookalike.stored_objects import ObjectPlace, is_in_store

_EVERY_FOLDER = "**"


def images_in(place: str | Path) -> Iterator[Path | ImageRef]:
    """The images of a folder or a pattern, for `add_many`, found as they are iterated.

    `photos` and `s3://bucket/photos/` give whatever below them is named like a
    picture; `photos/*/front.jpg` and `gs://bucket/**/large-*` whatever matches,
    `*` within one folder's names and `**` across folders. What is hidden is
    passed over. A folder's names are in memory at a time, in a bucket
    as well. Raises ImageNotFound where no folder is; of a bucket also
    Misconfigured, ReferenceForbidden and FetchFailed.
    """
    if isinstance(place, str) and is_in_store(place):
        yield from _in_bucket(place)
    else:
        yield from _in_folder(Path(place).expanduser())


def names_many(given: str) -> bool:
    """Whether a command's argument is a folder or a pattern, and not one image."""
    if is_in_store(given):
        return given.endswith("/") or _is_pattern(given) or given.count("/") == 2
    path = Path(given).expanduser()
    return "://" not in given and (path.is_dir() or (_is_pattern(given) and not path.exists()))


def _in_folder(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    root, pattern = (place, []) if place.is_dir() else _split(place)
    if not root.is_dir():
        raise ImageNotFound(f"no folder is at {root}: give a folder's path", value=str(root))
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root).parts
        # Sorted and cut in place, which is how os.walk is told where to go on.
        folders[:] = sorted(name for name in folders if _may_lead_on((*below, name), pattern))
        for name in sorted(files):
            if _is_wanted((*below, name), pattern):
                yield Path(folder, name)


def _in_bucket(text: str) -> Iterator[ImageRef]:
    scheme, _, rest = text.partition("://")
    bucket, _, key = rest.rstrip("/").partition("/")
    root, pattern = _split_key(key)
    # The last part stands for the names in a folder, so that a bucket alone is a place as well.
    place = ObjectPlace.parse("/".join((f"{scheme}://{bucket}", *root, "*")))
    start = "/".join((place.bucket, *root))
    depth = None if not pattern or _EVERY_FOLDER in pattern else len(pattern)
    with closing(ObjectStore(place.store)) as store:
        for folder, names in store.walk(start, depth=depth):
            below = folder.removeprefix(start).strip("/").split("/") if folder != start else []
            for name in names:
                if _is_wanted((*below, name), pattern):
                    # Not judged here: one odd key is one image's failure, and not the others'.
                    yield ImageRef(f"{place.store}://{folder}/{name}")


def _split(place: Path) -> tuple[Path, list[str]]:
    root, pattern = _parted(place.parts)
    return Path(*root), pattern


def _split_key(key: str) -> tuple[list[str], list[str]]:
    return _parted(key.split("/") if key else [])


def _parted(parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folder that a pattern is in, and the pattern below it."""
    n = next((i for i, part in enumerate(parts) if _is_pattern(part)), len(parts))
    return list(parts[:n]), list(parts[n:])


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _may_lead_on(folders: Sequence[str], pattern: Sequence[str]) -> bool:
    is_deep = not pattern or _EVERY_FOLDER in pattern or len(folders) < len(pattern)
    return is_deep and not folders[-1].startswith(".")


def _is_wanted(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if any(part.startswith(".") for part in parts):
        return False
    return _matches(parts, pattern) if pattern else is_named_like_a_picture(parts[-1])


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == _EVERY_FOLDER:
        # At the pattern's end it stands for the files as well.
        return len(pattern) == 1 or any(
            _matches(parts[n:], pattern[1:]) for n in range(len(parts) + 1)
        )
    is_match = bool(parts) and fnmatchcase(parts[0], pattern[0])
    return is_match and _matches(parts[1:], pattern[1:])
