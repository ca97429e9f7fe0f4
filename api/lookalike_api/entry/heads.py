"""HTTP/1.1 whose requests' heads have a size, and come within seconds.

uvicorn waits for the next request of a connection for a while, but for the
rest of one that has begun, or for a connection's first, it waits for ever;
and its faster parser, llhttp, takes heads of any size.
"""

from __future__ import annotations

import asyncio

from lookalike_api.entry.upgrades import PlainRequests

MAX_HEAD_BYTES = 65_536
"""The request line and all headers: a thousand ids in a query are 25 kB."""


class BoundedHeads(PlainRequests):
    """Closes a connection that a head takes too long on, or whose bytes lead nowhere.

    Bytes lead somewhere that end a head or a body, or are part of a body.
    Where a request is being answered, or a head has taken too long, nobody is
    there to be told.
    """

    head_s = 20.0

    _late: asyncio.TimerHandle | None = None
    _n_pending_bytes = 0
    _is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._n_pending_bytes += len(data)
        super().data_received(data)
        if self._n_pending_bytes > MAX_HEAD_BYTES:
            self._refuse()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body in chunks are headers too, and belong to nobody.
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head, self._n_pending_bytes = False, 0
        _check_host(self.parser.get_http_version(), self.headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._n_pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._n_pending_bytes = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        if self.transport.is_closing():
            return
        if self._has_request():
            self.transport.close()
        else:
            self.send_400_response("Request head too large.")

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


def _check_host(http_version: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Raise where a request names no host, or two (RFC 9112, 3.2): the parser makes that a 400."""
    n_hosts = sum(name == b"host" for name, _ in headers)
    if n_hosts > 1 or (n_hosts == 0 and http_version != "1.0"):
        raise ValueError(f"found {n_hosts} headers Host; expected one")
