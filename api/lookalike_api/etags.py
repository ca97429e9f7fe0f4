"""Entity tags: a browser that has the same bytes already is not sent them again."""

from __future__ import annotations

import hashlib


def etag_of(content: bytes) -> str:
    """The tag of some bytes, with its quotes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether a request's `If-None-Match` names the tag; proxies that compress may weaken it."""
    if if_none_match is None:
        return False
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in known or "*" in known
