"""What callers give as an image, and what is known of it before a worker looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection

from lookalike.errors import ImageNotFound, ImageTooLarge, ReferenceForbidden
from lookalike.images import ImageKey, ImageRef, Source
from lookalike.jobs import Request
from lookalike.queue import upload

ImageLike = str | Path | bytes | ImageRef
"""A path, an http(s) URL, an object's s3://…, a picture's bytes, or a reference."""

# Large enough that a round trip costs little beside it, small enough to show progress.
_ADD_ROWS = 5000
# One that carries its bytes counts as so many.
_UPLOAD_WEIGHT = 50


def parsed(image: str | Path | ImageRef) -> ImageRef:
    """The reference; raises ReferenceInvalid."""
    if isinstance(image, ImageRef):
        return image
    return ImageRef.of_path(image) if isinstance(image, Path) else ImageRef.parse(image)


def request_of(image: str | Path | ImageRef, metadata: Mapping[str, object] | None) -> Request:
    """What to enqueue for it; with the image key, where this machine can read the file."""
    if isinstance(image, str) and image.startswith("http"):
        return Request(ImageRef.parse(image), None, metadata)
    ref = parsed(image)
    key = None
    if ref.source == Source.FILE and ref.path.is_file():
        # Only a key tells that a picture has changed. One that this machine cannot read is
        # for the worker to judge.
        try:
            key = ImageKey.of_file(ref.path)
        except OSError:
            key = None
    return Request(ref, key, metadata)


def read_file(ref: ImageRef) -> bytes:
    """The bytes of a file; raises ImageNotFound or ReferenceForbidden."""
    try:
        return ref.path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageNotFound(
            f"no image file is at {ref.path}: give a file's path", value=str(ref.path)
        ) from error
    except OSError as error:
        raise ReferenceForbidden(f"{ref.path} cannot be read: {error.strerror}") from error


def bytes_of(image: ImageLike, max_bytes: int) -> bytes:
    """A picture's bytes; raises what `read_file` does, and ImageTooLarge."""
    data = image if isinstance(image, bytes) else read_file(parsed(image))
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"found an image of {len(data):,} bytes; expected at most {max_bytes:,}: make it "
            "smaller, or raise LOOKALIKE_MAX_BYTES"
        )
    return data


def uploaded(
    connection: Connection,
    image: ImageLike,
    metadata: Mapping[str, object] | None,
    *,
    max_bytes: int,
) -> Request:
    """What to enqueue for a picture whose bytes are kept in Postgres from now on."""
    ref, key = upload(connection, bytes_of(image, max_bytes))
    name = {} if isinstance(image, bytes) else {"name": str(image)}
    return Request(ref, key, {**name, **(metadata or {})})


def portions(images: Iterable[ImageLike], *, upload: bool) -> Iterator[list[ImageLike]]:
    """The images, as many as one transaction takes at a time."""
    portion: list[ImageLike] = []
    weight = 0
    for image in images:
        portion.append(image)
        weight += _UPLOAD_WEIGHT if upload or isinstance(image, bytes) else 1
        if weight >= _ADD_ROWS:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion
