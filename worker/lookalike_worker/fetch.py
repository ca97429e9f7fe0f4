"""References to bytes, within limits of place, size and time."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpcore
import httpx

from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    ImageTooLarge,
    ImageUnreadable,
    LookalikeError,
    ReferenceForbidden,
    ReferenceInvalid,
)
from lookalike.images import ImageKey, ImageRef, Source
from lookalike_worker.addresses import AllowedHosts, Dialler, Resolve, resolve

LoadUpload = Callable[[ImageKey], bytes | None]
"""Gives the bytes that were uploaded under a key, or None where there are none."""

_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSALS = frozenset({401, 403, 407})
_PASSING = frozenset({408, 425, 429})

_HEADERS = [
    (b"User-Agent", b"lookalike"),
    (b"Accept", b"*/*"),
    (b"Accept-Encoding", b"identity"),  # pictures are compressed already
]

_NETWORK_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ConnectionNotAvailable,
)


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, and how much time and how many bytes one fetch may take.

    `file_roots` are the folders that `file:` references may point into, "/"
    for all of them; none forbids such references. `allow_hosts` are entries
    `host` or `host:port` that may be asked although their addresses are not
    public or their port is neither 80 nor 443.
    """

    connect_timeout_s: float
    total_timeout_s: float
    max_bytes: int
    file_roots: tuple[Path, ...] = ()
    allow_hosts: tuple[str, ...] = ()


class Fetcher:
    """Fetches images from files, uploads and web servers; many threads may share one.

    Raises InvalidSetting, when built, for an entry of `allow_hosts` that is
    no host.
    """

    def __init__(
        self, policy: FetchPolicy, *, load_upload: LoadUpload, resolve: Resolve = resolve
    ) -> None:
        self._policy = policy
        self._roots = [root.expanduser().resolve() for root in policy.file_roots]
        self._load_upload = load_upload
        self._dialler = Dialler(AllowedHosts.parse(policy.allow_hosts), resolve=resolve)
        # httpcore without httpx's client: no cookies, proxies or credentials of the
        # environment can join in, and the dialler is a parameter that httpx does not pass on.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            network_backend=self._dialler,
            max_connections=None,  # the fetch threads are the bound
            max_keepalive_connections=32,
            keepalive_expiry=10,
        )

    def fetch(self, ref: ImageRef) -> bytes:
        """The bytes at a reference, at most `max_bytes` of them; there is no retry here.

        Raises ImageNotFound, ImageTooLarge, ReferenceForbidden or
        ReferenceInvalid where trying again gives the same answer, FetchFailed
        where it may not.
        """
        try:
            source = ref.source
        except ValueError as error:
            raise ReferenceInvalid(
                f"found the reference {ref.text!r}; expected file:, upload: or http(s)://",
                value=ref.text,
            ) from error
        match source:
            case Source.FILE:
                return self._read_file(ref)
            case Source.UPLOAD:
                return self._read_upload(ref.upload_key)
            case Source.HTTP:
                return self._download(ref.text)

    def close(self) -> None:
        """Close the connections that were kept for further fetches."""
        self._pool.close()

    def _read_upload(self, key: ImageKey) -> bytes:
        data = self._load_upload(key)
        if data is None:
            raise ImageNotFound(
                f"found no uploaded bytes under the key {key}; expected them until the image is "
                "embedded: upload the image again",
                value=str(key),
            )
        self._check_size(len(data))
        return data

    def _read_file(self, ref: ImageRef) -> bytes:
        try:
            path = self._allowed_path(ref.path)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
                raise ImageNotFound(
                    f"{path} {kind}; expected an image file: name the files in it one by one",
                    value=str(path),
                )
            self._check_size(status.st_size)
            with open(path, "rb", opener=_open_unswapped) as file:
                data = file.read(self._policy.max_bytes + 1)
        except OSError as error:
            raise _file_error(error, ref) from error
        except (ValueError, RuntimeError) as error:  # a NUL byte; a loop of symbolic links
            raise ReferenceInvalid(f"{ref} is no valid path: {error}", value=ref.text) from error
        self._check_size(len(data))
        return data

    def _allowed_path(self, path: Path) -> Path:
        """The path without symbolic links; raises ReferenceForbidden, whether or not it exists."""
        resolved = path.resolve()
        if path.is_absolute() and any(resolved.is_relative_to(root) for root in self._roots):
            return resolved
        expected = (
            f"a path below {', '.join(map(str, self._roots))}"
            if self._roots
            else "no file: references at all, since LOOKALIKE_FILE_ROOTS is not set"
        )
        raise ReferenceForbidden(
            f"found the path {path}; expected {expected}: set LOOKALIKE_FILE_ROOTS to the folder "
            "that holds the images, on the worker, or upload the bytes",
            value=str(path),
        )

    def _check_size(self, n_bytes: int) -> None:
        if n_bytes > self._policy.max_bytes:
            raise ImageTooLarge(
                f"found {n_bytes:,} bytes or more; expected at most {self._policy.max_bytes:,}: "
                "make the image smaller, or raise LOOKALIKE_MAX_BYTES",
                value=n_bytes,
            )

    def _download(self, text: str) -> bytes:
        url = _url(text)
        try:
            with self._dialler.within(self._policy.total_timeout_s):
                for _ in range(_MAX_REDIRECTS + 1):
                    answer = self._get(url)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except _NETWORK_ERRORS as error:
            raise FetchFailed(
                f"{url.host} did not deliver the image ({str(error) or type(error).__name__}); "
                f"expected it within {self._policy.total_timeout_s:g} s: check the address and "
                "the host, or raise LOOKALIKE_FETCH_TIMEOUT_S",
                value=text,
            ) from error
        raise ReferenceForbidden(
            f"found more than {_MAX_REDIRECTS} redirects, the last to {url.host}; expected the "
            "image: give the address where it is in the end",
            value=text,
        )

    def _get(self, url: httpx.URL) -> bytes | httpx.URL:
        """The body at a URL, or the URL that it redirects to."""
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        timeouts = {"connect": self._policy.connect_timeout_s}
        with self._pool.stream(
            "GET",
            target,
            headers=[(b"Host", url.netloc), *_HEADERS],
            extensions={"timeout": timeouts},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers}
            if response.status in _REDIRECTS and b"location" in headers:
                return _url(headers[b"location"].decode("utf-8", "replace"), base=url)
            _check_status(response.status, url)
            self._check_size(int(headers.get(b"content-length", b"0")))
            encoding = headers.get(b"content-encoding", b"identity").strip().lower()
            return self._body(response.iter_stream(), encoding)

    def _body(self, chunks: Iterable[bytes], encoding: bytes) -> bytes:
        """Read a body until it ends or exceeds the limit, before and after decompression."""
        inflate = None
        if encoding in (b"gzip", b"x-gzip", b"deflate"):
            inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        elif encoding != b"identity":
            _refuse_encoding(encoding)
        body, n_received = bytearray(), 0
        for chunk in chunks:
            n_received += len(chunk)
            self._check_size(n_received)
            try:
                room = self._policy.max_bytes + 1 - len(body)
                body += inflate.decompress(chunk, room) if inflate else chunk
            except zlib.error:
                _refuse_encoding(encoding)
            self._check_size(len(body))
        return bytes(body)


def _open_unswapped(path: str, flags: int) -> int:
    # Between the look at the file and this, it may have become a link or a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _file_error(error: OSError, ref: ImageRef) -> LookalikeError:
    if isinstance(error, PermissionError):
        return ReferenceForbidden(
            f"found that the worker may not read {ref.path}; expected a readable file: change "
            "its permissions, or upload the bytes",
            value=ref.text,
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return ImageNotFound(
            f"found nothing at {ref.path}; expected an image file: check the path, and that the "
            "worker's machine has the same folder",
            value=ref.text,
        )
    return FetchFailed(f"{ref.path} cannot be read now ({error}): check its disk", value=ref.text)


def _url(text: str, *, base: httpx.URL | None = None) -> httpx.URL:
    """An http(s) URL with a host; ReferenceForbidden where it is of another kind."""
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        if (url.port or 0) > 65535:
            raise ValueError(f"there is no port {url.port}")
    except (httpx.InvalidURL, ValueError) as error:
        raise ReferenceInvalid(f"{text!r} is no valid URL: {error}", value=text) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ReferenceForbidden(
            f"found a redirect to {text!r}; expected http(s)://host/path: give the address where "
            "the image is in the end",
            value=text,
        )
    if url.userinfo:
        raise ReferenceForbidden(
            f"found a user name or password in the URL of {url.host}; expected none: give a "
            "signed URL, or upload the bytes",
        )
    return url


def _check_status(status: int, url: httpx.URL) -> None:
    if 200 <= status < 300:
        return
    found = f"{url.host} answered with HTTP {status}"
    if status in _PASSING or status >= 500:
        raise FetchFailed(f"{found}; expected the image: it is tried again later", value=status)
    if status in _REFUSALS:
        raise ReferenceForbidden(
            f"{found}; expected an image that needs no login: give a signed URL that has not run "
            "out, or upload the bytes",
            value=status,
        )
    raise ImageNotFound(f"{found}; expected the image: check the address", value=status)


def _refuse_encoding(encoding: bytes) -> NoReturn:
    raise ImageUnreadable(
        f"found a body encoded as {encoding!r} that cannot be decoded; expected the image's own "
        "bytes: serve it without a Content-Encoding",
        value=encoding,
    )
