"""Bodies of answers, read and decompressed within the limit of bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NoReturn

from lookalike.errors import ImageUnreadable
from lookalike_worker.fetching.policy import FetchPolicy


def read_body(chunks: Iterable[bytes], encoding: bytes, policy: FetchPolicy) -> bytes:
    """Read a body until it ends or exceeds the limit, before and after decompression.

    What follows the end of the compressed data is not read. Raises ImageTooLarge,
    and ImageUnreadable for an encoding that is unknown, damaged or cut short.
    """
    inflate = None
    if encoding in (b"gzip", b"x-gzip", b"deflate"):
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    elif encoding != b"identity":
        _refuse_encoding(encoding)
    body, n_received = bytearray(), 0
    for chunk in chunks:
        n_received += len(chunk)
        policy.check_size(n_received)
        try:
            room = policy.max_bytes + 1 - len(body)
            body += inflate.decompress(chunk, room) if inflate else chunk
        except zlib.error:
            _refuse_encoding(encoding)
        policy.check_size(len(body))
        if inflate and inflate.eof:
            # zlib would gather all further bytes, and copy them anew with each chunk.
            return bytes(body)
    if inflate:
        _refuse_encoding(encoding)
    return bytes(body)


def _refuse_encoding(encoding: bytes) -> NoReturn:
    raise ImageUnreadable(
        f"found a body encoded as {encoding!r} that cannot be decoded; expected the image's own "
        "bytes: serve it without a Content-Encoding",
        value=encoding,
    )
