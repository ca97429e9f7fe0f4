"""A host that is slow on purpose is left at the deadline, in whatever part of its answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lookalike.errors import FetchFailed
from lookalike.images import ImageRef
from tests.half_open import HalfOpen
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import NAME, Answer, RawHost, answer, drip, endless, redirect

TOTAL_S = 0.3
# The deadline, and as much as a busy machine may take to notice it.
AT_MOST_S = 10

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TLS_RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"  # a greeting of 16 kB begins


def silence(connection: socket.socket) -> None:
    """Send nothing until the other side hangs up."""
    connection.recv(1)


def late(data: bytes) -> Answer:
    """Send an answer within the time of a fetch, but not twice within it."""

    def send(connection: socket.socket) -> None:
        threading.Event().wait(TOTAL_S * 2 / 3)
        connection.sendall(data)

    return send


SLOW: dict[str, Answer] = {
    "nothing": silence,
    "the status line": drip(b"HTTP/1.1 2"),
    "the reason": drip(b"HTTP/1.1 200 "),
    "a header's name": drip(OK),
    "a header's value": drip(OK + b"X: "),
    "headers": drip(OK, b"X: y\r\n"),
    "folded headers": drip(OK + b"X: y\r\n", b" z\r\n"),
    "answers that are none yet": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": drip(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "a body": drip(OK + b"Content-Length: 900\r\n\r\n"),
    "a body without length": drip(OK + b"\r\n"),
    "chunks": drip(CHUNKED, b"1\r\nx\r\n"),
    "a chunk": drip(CHUNKED + b"300\r\n"),
    "a chunk's size": drip(CHUNKED, b"0"),
    "a chunk's extension": drip(CHUNKED + b"1;"),
    "trailers": drip(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "the file's name in a compressed body": drip(
        OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08" + bytes(6)
    ),
}


@contextmanager
def left_in_time() -> Iterator[None]:
    start = time.monotonic()
    with pytest.raises(FetchFailed, match=r"within 0\.3 s"):
        yield
    assert time.monotonic() - start < AT_MOST_S


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW.keys())
def test_a_byte_now_and_then_does_not_prolong_a_fetch(
    slow: Answer, make_fetcher: MakeFetcher
) -> None:
    with RawHost({"/": slow}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,), total_timeout_s=TOTAL_S)
        with left_in_time():
            fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize("start", [b"", TLS_RECORD[:3], TLS_RECORD], ids=["at once", "3", "11"])
def test_nor_does_one_within_the_greeting_of_tls(start: bytes, make_fetcher: MakeFetcher) -> None:
    greeting = drip(start, b"\0") if start else drip(TLS_RECORD[:5], b"\2")
    with RawHost({}, greeting=greeting) as host:
        fetcher = make_fetcher(
            allow_hosts=(host.origin,), connect_timeout_s=60, total_timeout_s=TOTAL_S
        )
        with left_in_time():
            fetcher.fetch(ImageRef(f"https://{host.origin}/"))


def test_the_greeting_has_the_time_of_a_connection(make_fetcher: MakeFetcher) -> None:
    with RawHost({}, greeting=drip(TLS_RECORD, b"\0")) as host:
        fetcher = make_fetcher(
            allow_hosts=(host.origin,), connect_timeout_s=0.2, total_timeout_s=60
        )
        start = time.monotonic()
        with pytest.raises(FetchFailed):
            fetcher.fetch(ImageRef(f"https://{host.origin}/"))
        assert time.monotonic() - start < AT_MOST_S


def test_a_host_that_has_gone_deaf_is_left(make_fetcher: MakeFetcher) -> None:
    with RawHost({}) as host, HalfOpen("127.0.0.1", host.port) as proxy:
        proxy.go_deaf()
        origin = f"{NAME}:{proxy.port}"
        fetcher = make_fetcher(allow_hosts=(origin,), total_timeout_s=TOTAL_S)
        with left_in_time():
            fetcher.fetch(ImageRef(f"http://{origin}/"))


def test_redirects_share_one_time(make_fetcher: MakeFetcher) -> None:
    answers = {"/": late(redirect("/1")), "/1": late(redirect("/2")), "/2": late(answer(b"image"))}
    with RawHost(answers) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,), total_timeout_s=TOTAL_S)
        with left_in_time():
            fetcher.fetch(ImageRef(host.url()))
    assert len(host.requests) <= 2


def test_answers_without_end_at_full_speed_are_left_as_well(make_fetcher: MakeFetcher) -> None:
    with RawHost({"/": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,), total_timeout_s=TOTAL_S)
        with left_in_time():
            fetcher.fetch(ImageRef(host.url()))


def test_a_fetch_in_time_is_not_cut(make_fetcher: MakeFetcher) -> None:
    with RawHost({"/": answer(b"image", "Content-Length: 5")}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        assert fetcher.fetch(ImageRef(host.url())) == b"image"
