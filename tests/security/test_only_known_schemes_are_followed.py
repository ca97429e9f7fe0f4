"""A reference is a file, an upload, an http(s) URL or an object; all else is refused unread."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import LookalikeError, ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef
from lookalike_api.references import permitted
from lookalike_worker.fetching import Fetcher
from tests.security.canary import Canary

OTHERS = [
    "ftp://127.0.0.1:PORT/a.jpg",
    "sftp://127.0.0.1:PORT/a.jpg",
    "gopher://127.0.0.1:PORT/_a",
    "dict://127.0.0.1:PORT/a",
    "ldap://127.0.0.1:PORT/a",
    "tftp://127.0.0.1:PORT/a",
    "ws://127.0.0.1:PORT/a",
    "unix://var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "jar:http://127.0.0.1:PORT/a!/b",
    "netdoc:///etc/passwd",
    "php://filter/resource=/etc/passwd",
    "view-source:http://127.0.0.1:PORT/",
    "url:http://127.0.0.1:PORT/",
    "data:image/png;base64,iVBORw0KGgo=",
    "DATA:,a",
    "javascript:alert(1)",
    "about:blank",
    "blob:http://127.0.0.1:PORT/a",
    "s3a://bucket/a.jpg",
    "\thttp://127.0.0.1:PORT/",
    " http://127.0.0.1:PORT/",
    "http ://127.0.0.1:PORT/",
    "ht\ntp://127.0.0.1:PORT/",
    "ht\ttp://127.0.0.1:PORT/",
    "http\0://127.0.0.1:PORT/",
    "ｈｔｔｐ://127.0.0.1:PORT/",
    "http：//127.0.0.1:PORT/",
    "hтtp://127.0.0.1:PORT/",
    " file:///etc/passwd",
    "fi\nle:///etc/passwd",
    "file\0:///etc/passwd",
    "://127.0.0.1:PORT/",
    "",
    " ",
    "\0",
]

MALFORMED = [
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http://",
    "http://?127.0.0.1:PORT/",
    "http://:PORT/",
    "http://[",
    "upload:",
    "upload:../../etc/passwd",
    "upload:" + "0" * 63,
    "UPLOAD:" + "0" * 64,
]


@pytest.mark.parametrize("text", OTHERS, ids=repr)
def test_an_unknown_scheme_is_refused_by_the_api_and_by_the_worker(
    text: str, fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    text = text.replace("PORT", str(canary.port))
    with pytest.raises((ReferenceInvalid, ReferenceForbidden)):
        permitted(text, ())
    with pytest.raises(ReferenceInvalid):
        fetcher.fetch(ImageRef(text))
    assert dialled == []


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,AAAA",
        "DATA:,a",
        "javascript:alert(1)",
        "about:blank",
        " mailto:a@images.test",
        "jar:/a!/b",
        "C:\\a.jpg",
    ],
    ids=repr,
)
def test_over_http_no_unknown_scheme_passes_for_a_file_name(text: str) -> None:
    with pytest.raises(ReferenceInvalid, match="scheme"):
        permitted(text, [Path("/")])


@pytest.mark.parametrize("text", MALFORMED, ids=repr)
def test_a_known_scheme_does_not_make_a_reference(
    text: str, fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    text = text.replace("PORT", str(canary.port))
    with pytest.raises((ReferenceInvalid, ReferenceForbidden)):
        fetcher.fetch(ImageRef(text))
    assert dialled == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("HTTP://127.0.0.1:PORT/", ReferenceForbidden),
        ("hTTp://127.0.0.1:PORT/", ReferenceForbidden),
        ("http://127.0.0.1:PORT/\nHost: images.test", ReferenceInvalid),
        ("http://127.0.0.1:PORT/\r\nHost: images.test", ReferenceInvalid),
        ("http://127.0.0.1:PORT/ HTTP/1.1\r\n\r\nDELETE / HTTP/1.1", ReferenceInvalid),
        ("http://127.0.0.1:PORT/\x7f", ReferenceInvalid),
        ("http://127.0.0.1:PORT/\0", ReferenceInvalid),
        ("http://127.0.0.1:PORT/" + "a" * 10_000, ReferenceInvalid),
        ("FILE:///etc/passwd", ReferenceForbidden),
    ],
    ids=lambda it: repr(it)[:40],
)
def test_neither_case_nor_line_breaks_open_a_way(
    text: str, error: type[LookalikeError], fetcher: Fetcher, canary: Canary, dialled: list[str]
) -> None:
    with pytest.raises(error):
        fetcher.fetch(ImageRef(text.replace("PORT", str(canary.port))))
    assert dialled == []
