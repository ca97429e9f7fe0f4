"""References to bytes, within limits of place, size and time."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from lookalike.dialling import Resolve, resolve
from lookalike.errors import ImageNotFound, ReferenceInvalid
from lookalike.images import ImageKey, ImageRef, Source
from lookalike_worker.fetching.files import FileReader
from lookalike_worker.fetching.objects import ObjectReader
from lookalike_worker.fetching.policy import FetchPolicy
from lookalike_worker.fetching.web import Downloader

LoadUpload = Callable[[ImageKey], bytes | None]
"""Gives the bytes that were uploaded under a key, or None where there are none."""


class Fetcher:
    """Fetches images from files, uploads, buckets and web servers; many threads may share one.

    Raises InvalidSetting, when built, for an entry of `allow_hosts` that is
    no host or of `buckets` that is no bucket, and Misconfigured where the
    library is not installed that reads one. `tls` decides which certificates
    are trusted; by default those of the public authorities.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        load_upload: LoadUpload,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._load_upload = load_upload
        self._files = FileReader(policy)
        self._objects = ObjectReader(policy)
        self._web = Downloader(policy, resolve=resolve, tls=tls)

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
                f"found the reference {ref.text!r}; expected file:, upload:, http(s):// "
                "or an object of a bucket",
                value=ref.text,
            ) from error
        match source:
            case Source.FILE:
                return self._files.read(ref)
            case Source.UPLOAD:
                return self._read_upload(ref.upload_key)
            case Source.OBJECT:
                return self._objects.read(ref.text)
            case Source.HTTP:
                return self._web.download(ref.text)

    def close(self) -> None:
        """Close the connections that were kept for further fetches."""
        self._objects.close()
        self._web.close()

    def _read_upload(self, key: ImageKey) -> bytes:
        data = self._load_upload(key)
        if data is None:
            raise ImageNotFound(
                f"found no uploaded bytes under the key {key}; expected them until the image is "
                "embedded: upload the image again",
                value=str(key),
            )
        self._policy.check_size(len(data))
        return data
