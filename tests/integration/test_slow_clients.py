"""Clients that send too much or too slowly, over real sockets; nothing else is needed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from lookalike.settings import Settings
from lookalike_api.app import create_app
from lookalike_api.entry import MAX_HEAD_BYTES, BoundedHeads
from tests.serving import serving

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Hasty(BoundedHeads):
    head_s = 0.1


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": NOWHERE, "LOOKALIKE_API_KEYS": "off"})
    options = {"http": Hasty, "h11_max_incomplete_event_size": MAX_HEAD_BYTES}
    with serving(create_app(settings), **options) as client:
        yield client


@contextmanager
def connected(http: httpx.Client) -> Iterator[socket.socket]:
    parts = urlsplit(str(http.base_url))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as one:
        yield one


def answer_to(one: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    while chunk := one.recv(65_536):
        received += chunk
    return received


@pytest.mark.parametrize("begun", [b"", b"GET /v1/hea", b"GET /v1/healthz HTTP/1.1\r\nhost: a\r\n"])
def test_a_head_that_does_not_end_is_not_waited_for(http: httpx.Client, begun: bytes) -> None:
    with connected(http) as one:
        one.sendall(begun)
        assert answer_to(one) == b""


def test_nor_is_a_second_one_on_the_same_connection(http: httpx.Client) -> None:
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        first = one.recv(65_536)
        one.sendall(b"GET /v1/hea")
        assert first.startswith(b"HTTP/1.1 200")
        assert b"HTTP/1.1" not in answer_to(one)


def test_who_sends_in_time_is_served_again_and_again(http: httpx.Client) -> None:
    assert [http.get("/v1/healthz").status_code for _ in range(5)] == [200] * 5


def test_a_long_head_is_read_and_a_longer_one_refused(http: httpx.Client) -> None:
    long = {"x-long": "x" * (MAX_HEAD_BYTES // 2)}
    assert http.get("/v1/healthz", headers=long).status_code == 200
    with connected(http) as one:
        one.sendall(b"GET /v1/healthz HTTP/1.1\r\nx-long: " + b"x" * MAX_HEAD_BYTES)
        assert answer_to(one).startswith(b"HTTP/1.1 400")
