"""A certificate for another name, or of an unknown authority, ends a fetch before a request."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookalike.errors import FetchFailed
from lookalike.images import ImageRef
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import NAME, RawHost, answer
from tests.tls import CERTIFICATE, behind_tls


@dataclass(frozen=True)
class SecureHost:
    """A host whose certificate is for 127.0.0.1 alone, and who trusts it."""

    host: RawHost
    port: int
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureHost]:
    folder: Path = tmp_path_factory.mktemp("tls")
    with RawHost({"/": answer(b"image")}) as host, behind_tls(host.port, folder) as port:
        trust = ssl.create_default_context(cafile=str(folder / CERTIFICATE))
        yield SecureHost(host, port, trust)


def test_the_name_of_the_certificate_is_let_through(
    secure: SecureHost, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher(allow_hosts=("127.0.0.1",), tls=secure.trust)
    assert fetcher.fetch(ImageRef(f"https://127.0.0.1:{secure.port}/")) == b"image"


@pytest.mark.parametrize("name", [NAME, "localhost", "127.0.0.1.images.test", "127.1", "xn--"])
def test_a_certificate_for_another_name_is_refused(
    name: str, secure: SecureHost, make_fetcher: MakeFetcher
) -> None:
    n_requests = len(secure.host.requests)
    fetcher = make_fetcher(allow_hosts=(name,), tls=secure.trust)
    with pytest.raises(FetchFailed, match="certificate"):
        fetcher.fetch(ImageRef(f"https://{name}:{secure.port}/"))
    assert len(secure.host.requests) == n_requests


def test_an_unknown_authority_is_refused(secure: SecureHost, make_fetcher: MakeFetcher) -> None:
    n_requests = len(secure.host.requests)
    with pytest.raises(FetchFailed, match="certificate"):
        make_fetcher(allow_hosts=("127.0.0.1",)).fetch(
            ImageRef(f"https://127.0.0.1:{secure.port}/")
        )
    assert len(secure.host.requests) == n_requests


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 200 OK\r\n\r\nimage", b"\x15\x03\x01\0\2\2\x28"])
def test_a_host_without_tls_is_not_asked_in_the_clear(
    greeting: bytes, make_fetcher: MakeFetcher
) -> None:
    with RawHost({}, greeting=greeting) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        with pytest.raises(FetchFailed):
            fetcher.fetch(ImageRef(f"https://{host.origin}/"))
