"""Requests whose wish for another protocol is passed over (RFC 9110, 7.8 lets a server do so).

llhttp takes a request that asks for an upgrade for the last one of its
connection, and what follows it, its own body too, for the other protocol's.
Java's client and curl ask for HTTP/2 in this way with any request, and behind
a proxy a body would pass for a request of its own.
"""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PlainParser:
    """llhttp's parser of requests, which reads one that asks for an upgrade anew without it."""

    def __init__(self, protocol: PlainRequests) -> None:
        self._protocol = protocol
        self._parser = _parser_of(protocol)

    def feed_data(self, data: bytes) -> None:
        """Raises httptools.HttpParserError."""
        while True:
            try:
                return self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._protocol.plain_head() + data[upgrade.args[0] :]
                self._parser = _parser_of(self._protocol)

    def get_http_version(self) -> str:
        return self._parser.get_http_version()

    def get_method(self) -> bytes:
        return self._parser.get_method()

    def should_keep_alive(self) -> bool:
        return self._parser.should_keep_alive()

    def should_upgrade(self) -> bool:
        return self._parser.should_upgrade()


class PlainRequests(HttpToolsProtocol):
    """HTTP/1.1 alone; CONNECT, by which a proxy would be asked, is no request here."""

    parser: PlainParser  # type: ignore[assignment]

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.parser = PlainParser(self)

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
        elif self.parser.get_method() == b"CONNECT":
            raise ValueError("found CONNECT; expected a request to this server")

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def plain_head(self) -> bytes:
        """The head of the request that was read last, without its wish for an upgrade."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])


def _parser_of(protocol: PlainRequests) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    # As uvicorn does: what comes after a last request is not read, and is no error.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
