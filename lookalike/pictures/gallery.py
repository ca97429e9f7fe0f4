"""Search hits as a notebook shows them: small pictures with their distances, in one piece of HTML.

Nothing is loaded from anywhere: pictures are in it as data, and what came from outside is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from itertools import islice
from typing import Protocol

MOST_SHOWN = 24
"""So many hits are drawn: a notebook keeps what it has shown in its file."""

MOST_BYTES = 100_000
"""A larger thumbnail is left out; those of 512 pixels, the most that workers make, are smaller."""

_MOST_CHARACTERS = 120
_JPEG = b"\xff\xd8\xff"

_GALLERY = '<div style="display:flex;flex-wrap:wrap;gap:12px">{}</div>{}'
_FIGURE = """
<figure style="margin:0;width:140px">{picture}<figcaption style="overflow-wrap:anywhere">
<b>{distance:.4f}</b> image {image_id}<br><small>{reference}</small></figcaption></figure>
"""
_PICTURE = (
    '<img alt="" src="data:image/jpeg;base64,{}" '
    'style="width:140px;height:140px;object-fit:contain">'
)


class Hit(Protocol):
    """What is drawn of a search hit."""

    @property
    def image_id(self) -> int: ...

    @property
    def reference(self) -> str: ...

    @property
    def distance(self) -> float: ...


def gallery(hits: Iterable[Hit], n_hits: int, thumbnails: Mapping[int, bytes]) -> str:
    """The first hits as HTML, with the thumbnails that there are, JPEGs by their images' ids."""
    if not n_hits:
        return "<p>No image matches.</p>"
    figures = [
        _FIGURE.format(
            picture=_picture(thumbnails.get(hit.image_id, b"")),
            distance=hit.distance,
            image_id=hit.image_id,
            reference=escape(_short(hit.reference)),
        )
        for hit in islice(hits, MOST_SHOWN)
    ]
    more = f"<p>{len(figures)} of {n_hits} are shown.</p>" if n_hits > len(figures) else ""
    return _GALLERY.format("".join(figures), more)


def _picture(data: bytes) -> str:
    is_shown = data.startswith(_JPEG) and len(data) <= MOST_BYTES
    return _PICTURE.format(b64encode(data).decode()) if is_shown else ""


def _short(text: str) -> str:
    """The end of a long text: it is where references differ."""
    return text if len(text) <= _MOST_CHARACTERS else f"…{text[-_MOST_CHARACTERS:]}"
