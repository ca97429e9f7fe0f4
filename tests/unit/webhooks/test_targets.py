"""URLs of webhooks: which are asked, and which are refused before anybody is."""

from __future__ import annotations

import pytest

from lookalike.errors import Rejected
from lookalike.webhooks.targets import Target, parse_target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/b?c=d", Target("https", "a.example", 443, "a.example", "/b?c=d")),
        ("HTTP://A.example", Target("http", "a.example", 80, "a.example", "/")),
        ("http://[::1]:8080/", Target("http", "::1", 8080, "[::1]:8080", "/")),
        ("https://a.example.:1", Target("https", "a.example.", 1, "a.example.:1", "/")),
        ("http://a?b", Target("http", "a", 80, "a", "/?b")),
    ],
)
def test_what_is_asked(url: str, target: Target) -> None:
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:password@a.example/",
        "https://a.example@b.example/",
        "https://a.example\\@b.example/",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://a.example:x/",
        "https://a.example/#here",
        "https://a..example/",
        "https://bücher.example/",
        "https://a.example/a b",
        "https://a.example/\r\nHost: b.example",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://a.example/" + "a" * 2048,
    ],
)
def test_what_is_refused(url: str) -> None:
    with pytest.raises(Rejected, match="for a webhook"):
        parse_target(url)
