"""However much a host sends, and however small it makes it, little of it is ever held."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
import zlib

import pytest

from lookalike.errors import FetchFailed, ImageTooLarge, ImageUnreadable, LookalikeError
from lookalike.images import ImageRef
from tests.security.conftest import LIMIT, MakeFetcher
from tests.security.raw_host import Answer, RawHost, answer, endless

MiB = 2**20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = "Content-Encoding: gzip"

# Of zeros: 1,000 to 1. Made once, at import: 10 MB to compress take 40 ms.
BOMB = gzip.compress(bytes(10 * MiB))
FLAT = zlib.compress(bytes(10 * MiB))


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(it), it) for it in pieces) + b"0\r\n\r\n"


TOO_LARGE: dict[str, Answer] = {
    "a length above the limit": answer(b"", f"Content-Length: {LIMIT + 1}"),
    "a length of 20 digits": answer(b"", "Content-Length: " + "9" * 20),
    "an endless body": endless(OK + b"\r\n", bytes(MiB)),
    "endless chunks": endless(CHUNKED, b"400\r\n" + bytes(1024) + b"\r\n"),
    "endless chunks of a byte": endless(CHUNKED, b"1\r\nx\r\n" * 1000),
    "a chunk of 16 exabytes": endless(CHUNKED + b"F" * 16 + b"\r\n", bytes(MiB)),
    "a gzip bomb": answer(BOMB[:LIMIT], GZIP),
    "a deflate bomb": answer(FLAT[:LIMIT], "Content-Encoding: deflate"),
    "a gzip bomb in chunks of a byte": answer(
        chunked(*(BOMB[i : i + 1] for i in range(LIMIT))), GZIP, "Transfer-Encoding: chunked"
    ),
    "a gzip bomb as x-gzip": answer(BOMB[:LIMIT], "Content-Encoding: X-GZip"),
    "a body that is one byte too long": answer(bytes(LIMIT + 1)),
    "one too long when inflated": answer(gzip.compress(bytes(LIMIT + 1)), GZIP),
}

BROKEN: dict[str, tuple[Answer, type[LookalikeError]]] = {
    "endless headers": (endless(OK, b"X: y\r\n" * 1000), FetchFailed),
    "an endless header": (endless(OK + b"X: ", b"y" * 1000), FetchFailed),
    "an endless name of a header": (endless(OK, b"X" * 1000), FetchFailed),
    "an endless folded header": (endless(OK + b"X: y\r\n", b" y\r\n" * 1000), FetchFailed),
    "an endless status line": (endless(b"HTTP/1.1 200 ", b"O" * 1000), FetchFailed),
    "a header of 200 kB": (answer(b"image", "X: " + "y" * 200_000), FetchFailed),
    "200 kB of headers": (answer(b"image", *["X: y"] * 40_000), FetchFailed),
    "an endless size of a chunk": (endless(CHUNKED, b"0" * 1000), FetchFailed),
    "an endless extension": (endless(CHUNKED + b"1;", b"x" * 1000), FetchFailed),
    "endless trailers": (endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), FetchFailed),
    "no lines at all": (endless(b"", bytes(1000)), FetchFailed),
    "gzip within gzip": (
        answer(gzip.compress(BOMB)[:LIMIT], "Content-Encoding: gzip, gzip"),
        ImageUnreadable,
    ),
    "zstd": (answer(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"), ImageUnreadable),
    "brotli": (answer(b"\x8b\x02\x80", "Content-Encoding: br"), ImageUnreadable),
    "compress": (answer(b"\x1f\x9d", "Content-Encoding: compress"), ImageUnreadable),
}


@pytest.mark.parametrize("large", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_what_exceeds_the_limit_is_not_read_to_its_end(
    large: Answer, make_fetcher: MakeFetcher
) -> None:
    with RawHost({"/": large}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        with pytest.raises(ImageTooLarge, match=f"at most {LIMIT:,}"):
            fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize(("broken", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_what_has_no_end_or_an_unknown_form_is_given_up(
    broken: Answer, error: type[LookalikeError], make_fetcher: MakeFetcher
) -> None:
    with RawHost({"/": broken}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        with pytest.raises(error):
            fetcher.fetch(ImageRef(host.url()))


@pytest.mark.parametrize(
    "large",
    [
        endless(OK + b"\r\n", bytes(MiB)),
        endless(OK, b"X: y\r\n" * 1000),
        endless(b"HTTP/1.1 200 ", b"O" * MiB),
        answer(BOMB, GZIP),
        answer(FLAT, "Content-Encoding: deflate"),
    ],
    ids=["a body", "headers", "a status line", "gzip", "deflate"],
)
def test_memory_is_bounded_while_it_is_read(large: Answer, make_fetcher: MakeFetcher) -> None:
    with RawHost({"/": large}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,), max_bytes=100_000)
        tracemalloc.start()
        try:
            with pytest.raises((ImageTooLarge, FetchFailed)):
                fetcher.fetch(ImageRef(host.url()))
            assert tracemalloc.get_traced_memory()[1] < 4 * MiB
        finally:
            tracemalloc.stop()


def test_what_follows_a_compressed_body_is_not_gathered(make_fetcher: MakeFetcher) -> None:
    junk = endless(answer(gzip.compress(b"image"), GZIP), bytes(1000))
    with RawHost({"/": junk}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,), max_bytes=10**6)
        assert fetcher.fetch(ImageRef(host.url())) == b"image"


def test_a_host_that_is_left_is_hung_up_on(make_fetcher: MakeFetcher) -> None:
    hung_up = threading.Event()
    send = endless(OK + b"\r\n", bytes(MiB))

    def send_until_hung_up(connection: object) -> None:
        try:
            send(connection)  # type: ignore[arg-type]
        except OSError:
            hung_up.set()
            raise

    with RawHost({"/": send_until_hung_up}) as host:
        with pytest.raises(ImageTooLarge):
            make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url()))
        assert hung_up.wait(10)
