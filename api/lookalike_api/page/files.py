"""The page's files, read once: a path is looked up among them and never opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from lookalike_api.etags import etag_of

INDEX = "index.html"

# By hand, since the operating system's table of types may say otherwise.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str


@cache
def page_files() -> Mapping[str, PageFile]:
    """All files of the page by their paths in it, such as `style/base.css`."""
    return dict(_read(files("lookalike_api.page") / "site", PurePosixPath()))


def _read(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[str, PageFile]]:
    for entry in folder.iterdir():
        below = path / entry.name
        if entry.is_dir():
            yield from _read(entry, below)
        elif below.suffix in _MEDIA_TYPES:
            content = entry.read_bytes()
            yield str(below), PageFile(content, _MEDIA_TYPES[below.suffix], etag_of(content))
