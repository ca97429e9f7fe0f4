"""A worker's decoders: most are for bulk, and some wait for queries."""

from __future__ import annotations

from lookalike.jobs import Lane
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.wire import Limits

# A query's picture does not wait until one of a bulk chunk is decoded. A process more a core
# takes some 40 MB; further ones start when so many queries come at a time.
_QUERIES_AT_A_TIME = 4


class Decoders:
    """Decodes each lane's pictures in processes of its own."""

    def __init__(self, limits: Limits, *, n_processes: int, thumbnail_px: int) -> None:
        self._thumbnail_px = thumbnail_px
        self._bulk = DecoderPool(limits, n_processes=n_processes)
        self._queries = DecoderPool(limits, n_processes=min(n_processes, _QUERIES_AT_A_TIME))

    def start(self) -> None:
        """Begin to load, beside the encoder; raises DecoderUnavailable."""
        self._queries.start(1)
        self._bulk.start()

    def wait_until_ready(self) -> None:
        """Raises DecoderUnavailable where this machine cannot decode."""
        self._queries.wait_until_ready()
        self._bulk.wait_until_ready()

    def decode(self, data: bytes, lane: Lane, *, size: int) -> Decoded:
        """A picture as the encoder wants it; nobody looks at a query's thumbnail, so it gets none.

        Raises ImageTooLarge, ImageUnreadable, DecoderUnavailable.
        """
        if lane is Lane.INTERACTIVE:
            return self._queries.decode(data, size=size)
        return self._bulk.decode(data, size=size, thumbnail_px=self._thumbnail_px)

    def close(self) -> None:
        self._queries.close()
        self._bulk.close()
