"""One file over HTTP: resumed where it broke off, complete or not there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lookalike.errors import DownloadFailed, WeightsMissing
from lookalike_worker.modules.disk import FreeBytes, check_room, disk_errors, free_bytes
from lookalike_worker.modules.record import sha256_of

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and those there will be, 0 where nobody knows."""

_PASSING = frozenset({408, 425, 429})
_REFUSALS = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file at an address; `sha256` is what it must have, empty where that is not known.

    `next_step` tells people what to do where the address does not give it.
    """

    address: str
    sha256: str = ""
    login: tuple[str, str] | None = field(default=None, repr=False)
    next_step: str = "check the address and the network"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what; a hub that cannot be reached is given up within seconds."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 15.0
    n_tries: int = 5  # without a further byte
    first_pause_s: float = 1.0
    pause: Callable[[float], None] = time.sleep
    free: FreeBytes = free_bytes


def download(
    wanted: Wanted,
    target: Path,
    *,
    on_progress: Progress = lambda _done, _total: None,
    patience: Patience | None = None,
) -> str:
    """Download a file to `target`, going on with what an earlier try left; gives its SHA-256.

    Proxies and certificates of the environment count. Raises DownloadFailed
    where the file cannot be had, WeightsMissing where it is not the one that
    was expected, DiskFull. `target` appears only when it is complete.
    """
    one = _Download(wanted, target, on_progress, patience or Patience())
    with disk_errors(target.parent):
        one.receive()
        digest = one.check()
        one.part.replace(target)
        one.state.unlink(missing_ok=True)
    return digest


class _Broken(Exception):
    """The connection, or the server, failed in a way that may pass."""


@dataclass(frozen=True, slots=True)
class _State:
    """What the server said of the file when its download began."""

    address: str
    validator: str = ""  # for If-Range: a strong ETag or the date of the last change
    n_bytes: int = 0  # 0: not known
    md5: str = ""  # base64, as Google's storage says it


class _Download:
    """One file on its way: the part that is there, and a small state file beside it."""

    def __init__(
        self, wanted: Wanted, target: Path, on_progress: Progress, patience: Patience
    ) -> None:
        self._wanted = wanted
        self._on_progress = on_progress
        self._patience = patience
        self.part = target.with_name(f"{target.name}.part")
        self.state = target.with_name(f"{target.name}.part.json")
        self._known = self._read_state()

    def receive(self) -> None:
        """Ask until all bytes are there."""
        n_failures = 0
        with self._client() as client:
            while not self._is_complete():
                before = self._n_there()
                try:
                    self._ask(client)
                    return
                except (httpx.TransportError, _Broken) as error:
                    gained = self._n_there() > before
                    n_failures = 1 if gained else n_failures + 1
                    has_begun = self._n_there() > 0 or isinstance(error, _Broken)
                    if n_failures >= self._patience.n_tries or not has_begun:
                        raise self._failed(_plain(error)) from error
                    self._patience.pause(self._patience.first_pause_s * 2 ** (n_failures - 1))
                except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.DecodingError) as error:
                    raise self._failed(_plain(error)) from error

    def check(self) -> str:
        """Compare what came with what was expected; gives the SHA-256."""
        digest = sha256_of(self.part)
        expected = self._wanted.sha256.lower()
        if expected and digest != expected:
            self._drop()
            raise WeightsMissing(
                f"what {self._wanted.address} gives has the SHA-256 {digest}; expected "
                f"{expected}: it was not kept; correct the hash if it is mistaken, else get the "
                "module from a place that you trust",
                value=digest,
            )
        with self.part.open("rb") as file:
            md5 = base64.b64encode(hashlib.file_digest(file, "md5").digest()).decode()
        if self._known.md5 not in ("", md5):
            self._drop()
            raise self._failed(f"its bytes have the MD5 {md5}, the host says {self._known.md5}")
        return digest

    def _client(self) -> httpx.Client:
        patience = self._patience
        timeout = httpx.Timeout(patience.read_timeout_s, connect=patience.connect_timeout_s)
        try:
            return httpx.Client(
                follow_redirects=True, timeout=timeout, auth=self._wanted.login, trust_env=True
            )
        except (ImportError, ValueError, httpx.InvalidURL, OSError) as error:
            raise DownloadFailed(
                f"the proxy or certificates of the environment cannot be used ({error}); expected "
                "http(s):// addresses in HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, and a file in "
                "SSL_CERT_FILE: correct them or unset them",
                value=str(error),
            ) from error

    def _ask(self, client: httpx.Client) -> None:
        headers = {"User-Agent": "lookalike", "Accept-Encoding": "identity"}
        n_there = self._n_there()
        if n_there and self._known.validator:
            headers |= {"Range": f"bytes={n_there}-", "If-Range": self._known.validator}
        with client.stream("GET", self._wanted.address, headers=headers) as response:
            self._check_status(response)
            continued = response.status_code == 206 and _start(response.headers) == n_there
            if not continued:
                if response.status_code == 206:
                    self._drop()
                    raise _Broken("another part of the file came than was asked for")
                self._begin(response.headers)
            self._check_room(n_there if continued else 0)
            self._write(response, "ab" if continued else "wb")
        if self._known.n_bytes and self._n_there() != self._known.n_bytes:
            raise _Broken(f"{self._n_there():,} of {self._known.n_bytes:,} bytes came")

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if self._wanted.address.startswith("https:") and response.url.scheme != "https":
            raise self._failed(f"it redirects to {response.url.host} without https")
        if status == 416:  # what is there is not a beginning of what is there now
            self._drop()
        if status == 416 or status in _PASSING or status >= 500:
            raise _Broken(f"{response.url.host} answers with HTTP {status}")
        if status in _REFUSALS:
            raise self._failed(f"{response.url.host} answers with HTTP {status}: it wants a login")
        if not 200 <= status < 300:
            raise self._failed(f"{response.url.host} answers with HTTP {status}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise self._failed(f"{response.url.host} answers with a web page")

    def _begin(self, headers: Mapping[str, str]) -> None:
        etag = headers.get("ETag", "")
        hashes = re.search(r"md5=([\w+/=]+)", headers.get("x-goog-hash", ""))
        self._known = _State(
            self._wanted.address,
            # A weak tag does not promise the same bytes, and cannot be used to resume.
            headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag,
            int(headers.get("Content-Length", 0)),
            hashes[1] if hashes else "",
        )
        self.part.unlink(missing_ok=True)
        self.state.write_text(json.dumps(asdict(self._known)), encoding="utf-8")

    def _check_room(self, n_there: int) -> None:
        # Once for the archive, and once for what is unpacked from it.
        missing = max(0, 2 * self._known.n_bytes - n_there)
        check_room(self.part.parent, missing, "the download", self._patience.free)

    def _write(self, response: httpx.Response, mode: str) -> None:
        n_there = self._n_there() if mode == "ab" else 0
        with self.part.open(mode) as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                n_there += len(chunk)
                self._on_progress(n_there, self._known.n_bytes)

    def _n_there(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _is_complete(self) -> bool:
        return 0 < self._known.n_bytes == self._n_there()

    def _read_state(self) -> _State:
        with suppress(OSError, ValueError, TypeError):
            known = _State(**json.loads(self.state.read_text(encoding="utf-8")))
            if known.address == self._wanted.address:
                return known
        self.part.unlink(missing_ok=True)
        return _State(self._wanted.address)

    def _drop(self) -> None:
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)
        self._known = _State(self._wanted.address)

    def _failed(self, cause: str) -> DownloadFailed:
        return DownloadFailed(
            f"the encoder's module cannot be downloaded from {self._wanted.address} ({cause}); "
            f"expected a file there: {self._wanted.next_step}",
            value=self._wanted.address,
        )


def _start(headers: Mapping[str, str]) -> int:
    found = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _plain(error: Any) -> str:
    return str(error) or type(error).__name__
