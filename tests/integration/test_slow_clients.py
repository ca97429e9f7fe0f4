"""Clients that send too much or too slowly, over real sockets; nothing else is needed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from lookalike.settings import Settings
from lookalike_api.app import create_app
from lookalike_api.entry import MAX_HEAD_BYTES, BoundedHeads
from tests.serving import serving

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Hasty(BoundedHeads):
    head_s = 0.5


def served(protocol: type[BoundedHeads]) -> AbstractContextManager[httpx.Client]:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": NOWHERE, "LOOKALIKE_API_KEYS": "off"})
    return serving(create_app(settings), http=protocol)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with served(BoundedHeads) as client:
        yield client


@pytest.fixture(scope="module")
def hasty() -> Iterator[httpx.Client]:
    with served(Hasty) as client:
        yield client


@contextmanager
def connected(http: httpx.Client) -> Iterator[socket.socket]:
    parts = urlsplit(str(http.base_url))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as one:
        yield one


def answer_to(one: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    # A server that has closed before all was sent resets.
    with suppress(ConnectionResetError):
        while chunk := one.recv(65_536):
            received += chunk
    return received


def received_until(one: socket.socket, end: bytes) -> bytes:
    """What comes until some bytes of the answer's end have."""
    received = b""
    while end not in received:
        chunk = one.recv(65_536)
        assert chunk, received
        received += chunk
    return received


def parts_of(whole: bytes, n_bytes: int) -> list[bytes]:
    return [whole[start : start + n_bytes] for start in range(0, len(whole), n_bytes)]


def send_without_end(one: socket.socket, some: bytes) -> None:
    """Far more than the sockets' buffers hold, unless the connection is closed."""
    for _ in range(100_000):
        one.sendall(some)


@pytest.mark.parametrize("begun", [b"", b"GET /v1/hea", b"GET /v1/healthz HTTP/1.1\r\nhost: a\r\n"])
def test_a_head_that_does_not_end_is_not_waited_for(hasty: httpx.Client, begun: bytes) -> None:
    with connected(hasty) as one:
        one.sendall(begun)
        assert answer_to(one) == b""


def test_nor_is_a_second_one_on_the_same_connection(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(BoundedHeads, "head_s", 0.5)
        one.sendall(b"GET /v1/hea")
        assert b"HTTP/1.1" not in answer_to(one)


def test_who_sends_in_time_is_served_again_and_again(http: httpx.Client) -> None:
    assert [http.get("/v1/healthz").status_code for _ in range(5)] == [200] * 5


def test_a_long_head_is_read_and_a_longer_one_refused(http: httpx.Client) -> None:
    long = {"x-long": "x" * (MAX_HEAD_BYTES // 2)}
    assert http.get("/v1/healthz", headers=long).status_code == 200
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nx-long: " + b"x" * MAX_HEAD_BYTES)
        assert answer_to(one).startswith(b"HTTP/1.1 400")


HEAD = b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


def test_a_head_has_its_limit_however_its_bytes_come(http: httpx.Client) -> None:
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            send_without_end(one, b"x-more: " + b"x" * 1000 + b"\r\n")


@pytest.mark.parametrize("trailer", [b"x: %s\r\n" % (b"x" * 1000), b"x" * 1000])
def test_what_follows_a_body_has_the_same_limit(http: httpx.Client, trailer: bytes) -> None:
    with connected(http) as one:
        one.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
        with pytest.raises(ConnectionError):
            send_without_end(one, trailer)


def test_headers_after_a_body_belong_to_nobody(http: httpx.Client) -> None:
    with connected(http) as one:
        one.sendall(
            b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            b"0\r\nhost: elsewhere\r\n\r\n"
        )
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("hosts", [b"", b"host: a\r\nhost: b\r\n"])
def test_a_request_names_one_host(http: httpx.Client, hosts: bytes) -> None:
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\n" + hosts + b"\r\n")
        assert answer_to(one).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/healthz HTTP/1.1\nhost: a\n\n",
        b"GET /v1/healthz HTTP/1.1\r\nhost : localhost\r\n\r\n",
        b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\nx\0: 1\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        HEAD + b"content-length: +2\r\n\r\n{}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_two_servers_may_read_in_two_ways_is_refused(http: httpx.Client, line: bytes) -> None:
    with connected(http) as one:
        one.sendall(line)
        assert answer_to(one).startswith(b"HTTP/1.1 400")


def test_requests_may_be_sent_before_answers_have_come(http: httpx.Client) -> None:
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" * 3)
        received = b""
        while received.count(b"HTTP/1.1 200") < 3:
            received += one.recv(65_536)


UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQ\r\n"


@pytest.mark.parametrize("n_bytes", [1, 10, len(HEAD), 1000])
def test_who_would_rather_speak_another_protocol_is_answered_in_this_one(
    http: httpx.Client, n_bytes: int
) -> None:
    body = b'{"image_id": 1}'
    whole = HEAD + UPGRADE + b"content-length: %d\r\n\r\n" % len(body) + body
    with connected(http) as one:
        # A body in the same segment as the head, and one that comes by and by.
        for part in parts_of(whole, n_bytes):
            one.sendall(part)
        # Without Postgres: the body was read as one, and is no request of its own.
        assert received_until(one, b'"StoreUnavailable"').startswith(b"HTTP/1.1 503")
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\n" + UPGRADE + b"\r\n")
        assert received_until(one, b"}").startswith(b"HTTP/1.1 200")


def test_a_proxy_is_not_spoken_to_here(http: httpx.Client) -> None:
    with connected(http) as one:
        one.sendall(b"CONNECT localhost:80 HTTP/1.1\r\nhost: localhost:80\r\n\r\n")
        assert answer_to(one).startswith(b"HTTP/1.1 400")
