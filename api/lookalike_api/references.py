"""Which references a request may name: URLs, uploads, and what the operator has allowed beside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lookalike.errors import ReferenceForbidden, ReferenceInvalid
from lookalike.images import ImageRef, Source
from lookalike.sources.buckets import AllowedBuckets
from lookalike.sources.file_roots import resolved_roots, root_of
from lookalike.stored_objects import ObjectPlace

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)\s*:")


_NO_BUCKETS = AllowedBuckets(())


def permitted(
    text: str, file_roots: Iterable[Path], buckets: AllowedBuckets = _NO_BUCKETS
) -> ImageRef:
    """The reference, a file's with its links and dots resolved; never opens what it names.

    Raises ReferenceInvalid, and ReferenceForbidden for a file that is not
    inside one of the roots and an object of no allowed bucket, whether it exists or not.
    """
    ref = ImageRef.parse(text)
    if ref.source is Source.UPLOAD:
        return ImageRef.of_upload(ref.upload_key)
    if ref.source is Source.HTTP:
        return ref
    if ref.source is Source.OBJECT:
        buckets.check(ObjectPlace.parse(text))
        return ref
    _refuse_other_schemes(text)
    path = _resolved(ref.path) if ref.path.is_absolute() else None
    if path is None or root_of(path, resolved_roots(file_roots)) is None:
        raise ReferenceForbidden(
            f"found the file reference {text!r}; expected a file inside one of the folders of "
            "LOOKALIKE_FILE_ROOTS: upload the image, give an http(s) URL, or allow its folder",
            value=text,
        )
    # What was checked is what is read later: a link that moves meanwhile changes nothing.
    return ImageRef.of_path(path)


def _refuse_other_schemes(text: str) -> None:
    """Raise for `data:…` and its like, which on a command line may be files' names."""
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() != "file":
        raise ReferenceInvalid(
            f"found the scheme {scheme[1]!r} in {text[:200]!r}; expected file, http, https, s3, "
            "gs, az or upload: download the image first, or upload its bytes",
            value=text,
        )


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL in the path
        return None
