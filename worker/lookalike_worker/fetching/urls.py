"""Which URLs may be asked, before anything is resolved."""

from __future__ import annotations

import re

import httpx

from lookalike.errors import ReferenceForbidden, ReferenceInvalid

# References are shorter; a redirect's signed address may take some more. A request of
# this length fits into a socket's buffer, so that a host that reads nothing holds no write.
_MAX_LENGTH = 8192

# What name servers and certificates know. `httpx` lets percent signs, quotes and empty
# labels through, and resolvers differ in what they make of them.
_LABEL = r"[a-z0-9_-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+")  # no zone: it names an interface of this machine


def parse_url(text: str, *, base: httpx.URL | None = None) -> httpx.URL:
    """An http(s) URL with a host; ReferenceForbidden where it is of another kind.

    Raises ReferenceInvalid where it is no URL, names no possible host or port,
    or is too long. With a `base`, the text may be relative to it.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError(f"it has {len(text):,} characters; {_MAX_LENGTH:,} are allowed")
        url = httpx.URL(text) if base is None else base.join(text)
        if url.port is not None and not 0 < url.port < 65536:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        raise ReferenceInvalid(f"{text[:200]!r} is no valid URL: {error}", value=text) from error
    host = host_of(url)
    if url.scheme not in ("http", "https") or not host:
        raise ReferenceForbidden(
            f"found the address {text!r}; expected http(s)://host/path: give the address where "
            "the image is in the end",
            value=text,
        )
    if url.userinfo:
        raise ReferenceForbidden(
            f"found a user name or password in the URL of {host}; expected none: give a "
            "signed URL, or upload the bytes",
        )
    if len(host) > 254 or not (_IPV6 if ":" in host else _NAME).fullmatch(host):
        raise ReferenceInvalid(
            f"{host[:254]!r} is no valid host name; expected letters, digits, dots and hyphens, "
            "or an address",
            value=host,
        )
    return url


def host_of(url: httpx.URL) -> str:
    """The host as it is asked for; httpx's own `host` fails where one only looks international."""
    return url.raw_host.decode("ascii")
