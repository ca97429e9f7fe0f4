"""One request to a receiver: guarded like a fetch, and over within a time."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpcore

from lookalike.dialling import (
    NETWORK_ERRORS,
    WEB_PORTS,
    AllowedHosts,
    Dialler,
    Resolve,
    public_authorities,
    resolve,
)
from lookalike.errors import Rejected
from lookalike.webhooks.targets import parse_target

TIMEOUT_S = 15.0
"""For one request, from the name's resolution to the answer's last byte."""

# Nobody reads it; a connection whose answer was read to its end serves the next request too.
_MOST_ANSWER_BYTES = 65_536
_MAX_RETRY_AFTER_S = 3600.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the status of the answer, None where there was none, and why."""

    status: int | None
    error: str = ""
    retry_after_s: float = 0.0

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it never wants to be asked again."""
        return self.status == _GONE


class Poster:
    """Posts to receivers; many threads may share one.

    Hosts are resolved, judged and dialled as workers do it for images, and
    redirects are not followed. Raises InvalidSetting for an entry of
    `allow_hosts` that is no host.
    """

    def __init__(
        self,
        allow_hosts: Iterable[str] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._dialler = Dialler(AllowedHosts.parse(allow_hosts), ports=WEB_PORTS, resolve=resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or public_authorities(),
            network_backend=self._dialler,
            max_connections=None,  # the senders are the bound
            max_keepalive_connections=32,
            keepalive_expiry=10,
        )

    def close(self) -> None:
        """Close the connections that were kept for further requests."""
        self._pool.close()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body of JSON; whatever happens is an answer."""
        try:
            with self._dialler.within(self._timeout_s):
                return self._post(url, headers, body)
        except Rejected as error:
            return Answer(None, f"{error.reason}: {error}")
        except httpcore.TimeoutException:
            return Answer(None, f"no answer within {self._timeout_s:g} s")
        except NETWORK_ERRORS as error:
            return Answer(None, f"no answer: {str(error) or type(error).__name__}")

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        target = parse_target(url)
        every: list[tuple[bytes | str, bytes | str]] = [
            ("Host", target.place),
            ("User-Agent", "lookalike"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *headers.items(),
        ]
        with self._pool.stream(
            "POST",
            httpcore.URL(
                scheme=target.scheme, host=target.host, port=target.port, target=target.path
            ),
            headers=every,
            content=body,
            # A name with its last dot is the same name, but no certificate has it.
            extensions={"sni_hostname": target.host.rstrip(".")},
        ) as response:
            n_bytes = 0
            for chunk in response.iter_stream():
                n_bytes += len(chunk)
                if n_bytes > _MOST_ANSWER_BYTES:
                    break
            return _answer(response)


def _answer(response: httpcore.Response) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status)
    headers = {name.lower(): value for name, value in response.headers}
    wanted = headers.get(b"retry-after", b"").decode("ascii", "replace")
    # The header's other form, a date, would trust the receiver's clock.
    retry_after_s = (
        min(float(wanted), _MAX_RETRY_AFTER_S) if wanted.isdecimal() and wanted.isascii() else 0.0
    )
    return Answer(status, f"HTTP {status}", retry_after_s)
