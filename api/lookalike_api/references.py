"""Which references a request may name: URLs and uploads, and files inside the allowed folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lookalike.errors import ReferenceForbidden
from lookalike.images import ImageRef, Source


def permitted(text: str, file_roots: Iterable[Path]) -> ImageRef:
    """The reference, a file's with its links and dots resolved; never opens the file.

    Raises ReferenceInvalid, and ReferenceForbidden for a file that is not
    inside one of the roots, whether it exists or not.
    """
    ref = ImageRef.parse(text)
    if ref.source is Source.UPLOAD:
        return ImageRef.of_upload(ref.upload_key)
    if ref.source is Source.HTTP:
        return ref
    path = _resolved(ref.path) if ref.path.is_absolute() else None
    if path is None or not any(path.is_relative_to(root.resolve()) for root in file_roots):
        raise ReferenceForbidden(
            f"found the file reference {text!r}; expected a file inside one of the folders of "
            "LOOKALIKE_FILE_ROOTS: upload the image, give an http(s) URL, or allow its folder",
            value=text,
        )
    # What was checked is what is read later: a link that moves meanwhile changes nothing.
    return ImageRef.of_path(path)


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL in the path
        return None
