"""HTTP/1.1 whose requests' heads have a size, and come within seconds.

uvicorn waits for the next request of a connection for a while, but for the
rest of one that has begun, or for a connection's first, it waits for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD_BYTES = 65_536
"""The request line and all headers: a thousand ids in a query are 25 kB."""


class BoundedHeads(H11Protocol):
    """Closes a connection that a head takes too long on; nobody is there to be answered."""

    head_s = 20.0

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if self._has_request():
            self._stop_watching()
        elif self._late is None:
            self._late = self.loop.call_later(self.head_s, self._cut_off)

    def _stop_watching(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _has_request(self) -> bool:
        # None until the first request, whatever its annotation says.
        return bool(self.cycle) and not self.cycle.response_complete

    def _cut_off(self) -> None:
        self._late = None
        if not self._has_request():
            self.transport.close()
