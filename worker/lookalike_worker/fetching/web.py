"""Images of web servers, by way of at most three redirects."""

from __future__ import annotations

import ssl

import httpcore
import httpx

from lookalike.dialling import NETWORK_ERRORS, AllowedHosts, Dialler, Resolve, public_authorities
from lookalike.errors import FetchFailed, ImageNotFound, ReferenceForbidden
from lookalike_worker.fetching.bodies import read_body
from lookalike_worker.fetching.policy import FetchPolicy
from lookalike_worker.fetching.urls import host_of, parse_url

_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSALS = frozenset({401, 403, 407})
_PASSING = frozenset({408, 425, 429})

_HEADERS = [
    (b"User-Agent", b"lookalike"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),  # pictures are compressed already
]


class Downloader:
    """Downloads within a policy; many threads may share one."""

    def __init__(
        self, policy: FetchPolicy, *, resolve: Resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy
        self._dialler = Dialler(
            AllowedHosts.parse(policy.allow_hosts), ports=policy.ports, resolve=resolve
        )
        # httpcore without httpx's client: no cookies, proxies or credentials of the
        # environment can join in, and the dialler is a parameter that httpx does not pass on.
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or public_authorities(),
            network_backend=self._dialler,
            max_connections=None,  # the fetch threads are the bound
            max_keepalive_connections=32,
            keepalive_expiry=10,
        )

    def close(self) -> None:
        """Close the connections that were kept for further fetches."""
        self._pool.close()

    def download(self, text: str) -> bytes:
        """The body at a URL, after its redirects; raises as `Fetcher.fetch` does."""
        url = parse_url(text)
        try:
            with self._dialler.within(self._policy.total_timeout_s):
                for _ in range(_MAX_REDIRECTS + 1):
                    answer = self._get(url)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except NETWORK_ERRORS as error:
            raise FetchFailed(
                f"{host_of(url)} did not deliver the image ({str(error) or type(error).__name__}); "
                f"expected it within {self._policy.total_timeout_s:g} s: check the address and "
                "the host, or raise LOOKALIKE_FETCH_TIMEOUT_S",
                value=text,
            ) from error
        raise ReferenceForbidden(
            f"found more than {_MAX_REDIRECTS} redirects, the last to {host_of(url)}; expected the "
            "image: give the address where it is in the end",
            value=text,
        )

    def _get(self, url: httpx.URL) -> bytes | httpx.URL:
        """The body at a URL, or the URL that it redirects to."""
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        extensions = {
            "timeout": {"connect": self._policy.connect_timeout_s},
            # A name with its last dot is the same name, but no certificate has it.
            "sni_hostname": host_of(url).rstrip("."),
        }
        with self._pool.stream(
            "GET",
            target,
            headers=[(b"Host", url.netloc), *_HEADERS],
            extensions=extensions,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers}
            if response.status in _REDIRECTS and b"location" in headers:
                return parse_url(headers[b"location"].decode("utf-8", "replace"), base=url)
            _check_status(response.status, url)
            if b"transfer-encoding" in headers and b"content-length" in headers:
                # Two lengths of one answer are a way to slip in another (RFC 9112, 6.3).
                raise httpcore.RemoteProtocolError("the answer has two lengths")
            self._policy.check_size(int(headers.get(b"content-length", b"0")))
            encoding = headers.get(b"content-encoding", b"identity").strip().lower()
            return read_body(response.iter_stream(), encoding, self._policy)


def _check_status(status: int, url: httpx.URL) -> None:
    if 200 <= status < 300:
        return
    found = f"{host_of(url)} answered with HTTP {status}"
    if status in _PASSING or status >= 500:
        raise FetchFailed(f"{found}; expected the image: it is tried again later", value=status)
    if status in _REFUSALS:
        raise ReferenceForbidden(
            f"{found}; expected an image that needs no login: give a signed URL that has not run "
            "out, or upload the bytes",
            value=status,
        )
    raise ImageNotFound(f"{found}; expected the image: check the address", value=status)
