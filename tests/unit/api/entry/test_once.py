"""What makes two requests the same."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from lookalike_api.entry.once import fingerprint_of

FORM = "multipart/form-data; boundary={}"


def fingerprint(
    body: bytes = b"{}",
    *,
    method: str = "POST",
    path: str = "/v1/images",
    query: bytes = b"",
    content_type: str = "application/json",
) -> bytes:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(b"content-type", content_type.encode()), (b"host", b"localhost")],
    }
    return fingerprint_of(Request(scope), body)


def test_a_request_is_the_same_with_and_without_the_version() -> None:
    assert fingerprint() == fingerprint(path="/images")


@pytest.mark.parametrize(
    "other",
    [
        {"body": b"[]"},
        {"method": "PUT"},
        {"path": "/v1/search"},
        {"query": b"collection=a"},
        {"content_type": "text/plain"},
    ],
)
def test_anything_else_makes_another_request(other: dict[str, Any]) -> None:
    assert fingerprint() != fingerprint(**other)


def test_a_form_is_the_same_whatever_separates_its_parts() -> None:
    form = b'--%s\r\nContent-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--%s--'
    one = fingerprint(form.replace(b"%s", b"abc"), content_type=FORM.format("abc"))
    two = fingerprint(form.replace(b"%s", b"7xyz"), content_type=FORM.format('"7xyz"'))
    assert one == two
    assert one != fingerprint(form.replace(b"%s", b"abc") + b"!", content_type=FORM.format("abc"))
