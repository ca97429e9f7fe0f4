"""One transaction's worth of images on its way in.

Many with the same metadata, where the first that is refused ends it all; or each with its own,
where one that is refused costs itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from lookalike import queue
from lookalike.client.inputs import ImageLike, parsed, request_of, uploaded
from lookalike.database import transaction
from lookalike.database.descriptions import to_json
from lookalike.errors import BacklogFull, Rejected
from lookalike.images import ImageRef, are_plain_urls
from lookalike.queue import Enqueued
from lookalike.queue.imports import enqueue_urls

Described = tuple[str | ImageRef, Mapping[str, object] | None]
"""A reference with its image's metadata."""


def add_alike(
    connection: Connection,
    collection: str,
    images: Sequence[ImageLike],
    metadata: Mapping[str, object] | None,
    *,
    upload: bool,
    max_bytes: int,
) -> Iterable[Enqueued]:
    """Enqueue images with the same metadata; raises Rejected or BacklogFull, with none enqueued."""
    if not upload:
        described = [to_json(metadata) if metadata else None] * len(images)
        made = enqueue_urls(connection, collection, images, described)
        if made is not None:
            return made
    requests = [
        uploaded(connection, image, metadata, max_bytes=max_bytes)
        if isinstance(image, bytes) or upload
        else request_of(image, metadata)
        for image in images
    ]
    return queue.enqueue(connection, collection, requests)


def add_each(
    engine: Engine, collection: str, images: Sequence[Described]
) -> list[Enqueued | Rejected | BacklogFull]:
    """Enqueue images, each with its own metadata; in the place of one that cannot be is its error.

    Where a limit has room for some of them, these are the first.
    """
    # One look at all tells what a look at each would, in a tenth of the time.
    urls = [reference for reference, _ in images if isinstance(reference, str)]
    read = ImageRef if len(urls) == len(images) > 0 and are_plain_urls(urls) else parsed
    checked = [_checked(image, read) for image in images]
    good = [one for one in checked if isinstance(one, _Good)]
    if not good:
        return [one for one in checked if isinstance(one, Rejected)]
    answers = iter(_as_many_as_fit(engine, collection, good))
    return [next(answers) if isinstance(one, _Good) else one for one in checked]


@dataclass(slots=True)
class _Good:
    """An image that nothing speaks against, and its metadata as JSON."""

    reference: ImageRef
    metadata: Mapping[str, object] | None
    json: str | None


def _checked(image: Described, read: Callable[[Any], ImageRef]) -> _Good | Rejected:
    reference, metadata = image
    try:
        return _Good(read(reference), metadata, to_json(metadata) if metadata else None)
    except Rejected as error:
        return error


def _as_many_as_fit(
    engine: Engine, collection: str, images: Sequence[_Good]
) -> list[Enqueued | BacklogFull]:
    n = len(images)
    refused: list[Enqueued | BacklogFull] = []
    while n:
        try:
            return [*_add(engine, collection, images[:n]), *refused]
        except BacklogFull as error:
            # Less each time, so this ends.
            n = min(n - 1, error.n_room)
            refused = [error] * (len(images) - n)
    return refused


def _add(engine: Engine, collection: str, images: Sequence[_Good]) -> Iterable[Enqueued]:
    with transaction(engine) as connection:
        urls = [image.reference.text for image in images]
        made = enqueue_urls(connection, collection, urls, [image.json for image in images])
        if made is not None:
            return made
        requests = [request_of(image.reference, image.metadata) for image in images]
        return queue.enqueue(connection, collection, requests)
