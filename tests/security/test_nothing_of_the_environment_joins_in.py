"""Proxies, passwords and certificates that lie around on the worker's machine stay there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.images import ImageRef
from tests.security.canary import Canary
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import NAME, RawHost, answer

PROXIES = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]


@pytest.mark.parametrize("variable", PROXIES)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_no_proxy_is_asked(
    variable: str,
    scheme: str,
    canary: Canary,
    make_fetcher: MakeFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://127.0.0.1:{canary.port}")
    with RawHost({"/": answer(b"image")}) as host:
        assert make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url())) == b"image"


@pytest.mark.parametrize("variable", ["NETRC", "HOME"])
def test_no_password_is_sent(
    variable: str, tmp_path: Path, make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".netrc"
    file.write_text(f"machine {NAME} login somebody password secret\ndefault login a password b\n")
    file.chmod(0o600)
    monkeypatch.setenv(variable, str(file if variable == "NETRC" else tmp_path))
    with RawHost({"/": answer(b"image")}) as host:
        make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url()))
    assert b"authorization" not in host.requests[0].lower()


def test_the_request_says_no_more_than_it_must(make_fetcher: MakeFetcher) -> None:
    with RawHost({"/a.jpg?size=1": answer(b"image")}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        fetcher.fetch(ImageRef(host.url("/a.jpg?size=1#fragment")))
    lines = host.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /a.jpg?size=1 HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    assert names == {"host", "user-agent", "accept", "accept-encoding"}
    assert f"Host: {host.origin}" in lines
