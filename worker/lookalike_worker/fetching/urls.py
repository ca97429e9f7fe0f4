"""Which URLs may be asked, before anything is resolved."""

from __future__ import annotations

import httpx

from lookalike.errors import ReferenceForbidden, ReferenceInvalid


def parse_url(text: str, *, base: httpx.URL | None = None) -> httpx.URL:
    """An http(s) URL with a host; ReferenceForbidden where it is of another kind."""
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        if (url.port or 0) > 65535:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        raise ReferenceInvalid(f"{text!r} is no valid URL: {error}", value=text) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ReferenceForbidden(
            f"found a redirect to {text!r}; expected http(s)://host/path: give the address where "
            "the image is in the end",
            value=text,
        )
    if url.userinfo:
        raise ReferenceForbidden(
            f"found a user name or password in the URL of {url.host}; expected none: give a "
            "signed URL, or upload the bytes",
        )
    return url
