"""Lengths, types and frames of an answer that are not what they say."""

from __future__ import annotations

import gzip
import io
import socket
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from lookalike.errors import FetchFailed, ImageUnreadable, LookalikeError
from lookalike.images import ImageRef
from lookalike_worker.decoding.picture import decode_image
from tests.security.conftest import MakeFetcher
from tests.security.raw_host import Answer, RawHost, answer


def reset(start: bytes) -> Answer:
    """Send the start, then break off as a crashing host does."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return send


CHUNKED = "Transfer-Encoding: chunked"
GZIP = "Content-Encoding: gzip"
SQUEEZED = gzip.compress(b"image")

WRONG: dict[str, tuple[Answer, type[LookalikeError]]] = {
    "fewer bytes than said": (answer(b"image", "Content-Length: 900"), FetchFailed),
    "none of the bytes said": (answer(b"", "Content-Length: 5"), FetchFailed),
    "two lengths": (answer(b"image", "Content-Length: 5", "Content-Length: 4"), FetchFailed),
    "two lengths in a line": (answer(b"image", "Content-Length: 5, 4"), FetchFailed),
    "a length below zero": (answer(b"image", "Content-Length: -1"), FetchFailed),
    "a length with a sign": (answer(b"image", "Content-Length: +5"), FetchFailed),
    "a length in hex": (answer(b"image", "Content-Length: 0x5"), FetchFailed),
    "a length of 21 digits": (answer(b"image", "Content-Length: " + "0" * 20 + "5"), FetchFailed),
    "a length that is empty": (answer(b"image", "Content-Length:"), FetchFailed),
    "a length, and chunks": (
        answer(b"5\r\nimage\r\n0\r\n\r\n", CHUNKED, "Content-Length: 5"),
        FetchFailed,
    ),
    "chunks, twice": (answer(b"0\r\n\r\n", CHUNKED, CHUNKED), FetchFailed),
    "chunks that are compressed": (
        answer(b"0\r\n\r\n", "Transfer-Encoding: gzip, chunked"),
        FetchFailed,
    ),
    "an unknown frame": (answer(b"image", "Transfer-Encoding: xchunked"), FetchFailed),
    "a frame that is folded": (answer(b"image", "Transfer-Encoding:\r\n chunked"), FetchFailed),
    "a chunk of no number": (answer(b"x\r\nimage", CHUNKED), FetchFailed),
    "a chunk below zero": (answer(b"-5\r\nimage\r\n0\r\n\r\n", CHUNKED), FetchFailed),
    "a chunk with a prefix": (answer(b"0x5\r\nimage\r\n0\r\n\r\n", CHUNKED), FetchFailed),
    "a chunk too long": (answer(b"4\r\nimage\r\n0\r\n\r\n", CHUNKED), FetchFailed),
    "a chunk cut off": (answer(b"9\r\nimage", CHUNKED), FetchFailed),
    "chunks without an end": (answer(b"5\r\nimage\r\n", CHUNKED), FetchFailed),
    "a colon apart": (answer(b"image", "Content-Length : 5"), FetchFailed),
    "a header without a colon": (answer(b"image", "nonsense"), FetchFailed),
    "a NUL in a header": (answer(b"image", "X: a\0b"), FetchFailed),
    "HTTP/0.9": (b"<html>", FetchFailed),
    "HTTP/2": (b"\0\0\x12\x04\0\0\0\0\0", FetchFailed),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", FetchFailed),
    "a status of letters": (b"HTTP/1.1 OK 200\r\n\r\n", FetchFailed),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", FetchFailed),
    "another protocol from here on": (
        answer(b"", "Upgrade: websocket", status="101 Switching Protocols"),
        FetchFailed,
    ),
    "nothing": (b"", FetchFailed),
    "a reset at once": (reset(b""), FetchFailed),
    "a reset in the headers": (reset(b"HTTP/1.1 200 OK\r\nX"), FetchFailed),
    "a reset in the body": (reset(answer(b"im", "Content-Length: 5")), FetchFailed),
    "gzip that is none": (answer(b"image", GZIP), ImageUnreadable),
    "gzip cut short": (answer(SQUEEZED[:-9], GZIP), ImageUnreadable),
    "gzip without its sum": (answer(SQUEEZED[:-8], GZIP), ImageUnreadable),
    "gzip with a wrong sum": (answer(SQUEEZED[:-8] + bytes(8), GZIP), ImageUnreadable),
    "gzip of nothing": (answer(b"", GZIP), ImageUnreadable),
    "bare deflate": (
        answer(zlib.compress(b"image")[2:-4], "Content-Encoding: deflate"),
        ImageUnreadable,
    ),
}


@pytest.mark.parametrize(("wrong", "error"), WRONG.values(), ids=WRONG.keys())
def test_an_answer_that_contradicts_itself_is_no_image(
    wrong: Answer, error: type[LookalikeError], make_fetcher: MakeFetcher
) -> None:
    with RawHost({"/": wrong}) as host:
        fetcher = make_fetcher(allow_hosts=(host.origin,))
        with pytest.raises(LookalikeError) as caught:
            fetcher.fetch(ImageRef(host.url()))
    assert type(caught.value) is error


def test_what_is_sent_beyond_the_length_is_not_read(make_fetcher: MakeFetcher) -> None:
    long = answer(b"image and more", "Content-Length: 5")
    with RawHost({"/": long}) as host:
        assert make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url())) == b"image"


# ------------------------------------------------------------------------- types


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("../../a.jpg", bytes(100))
    return file.getvalue()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return file.getvalue()


NO_PICTURE = {
    "a page": b"<!doctype html><img src=//images.test/a.png>",
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "entities": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><svg>&b;</svg>",
    "an archive": archive(),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
    "a program": b"\x7fELF\x02\x01\x01" + bytes(57),
    "a script": b"#!/bin/sh\nid\n",
    "a picture's name": b"GIF89a",
    "MVG": b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/'\n",
    "zeros": bytes(100),
    "nothing": b"",
}


@pytest.mark.parametrize("data", NO_PICTURE.values(), ids=NO_PICTURE.keys())
@pytest.mark.parametrize("kind", ["image/jpeg", "image/png"])
def test_the_type_that_a_host_claims_counts_for_nothing(
    kind: str, data: bytes, make_fetcher: MakeFetcher
) -> None:
    lie = answer(data, f"Content-Type: {kind}", f"Content-Length: {len(data)}")
    with RawHost({"/a.png": lie}) as host:
        fetched = make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url("/a.png")))
    with pytest.raises(ImageUnreadable):
        decode_image(fetched, size=8, max_pixels=10_000)


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "image/svg+xml", ""])
def test_a_picture_is_one_under_every_type(kind: str, make_fetcher: MakeFetcher) -> None:
    data = picture()
    with RawHost({"/a.exe": answer(data, f"Content-Type: {kind}")}) as host:
        fetched = make_fetcher(allow_hosts=(host.origin,)).fetch(ImageRef(host.url("/a.exe")))
    assert decode_image(fetched, size=8, max_pixels=10_000).pixels.shape == (8, 8, 3)
