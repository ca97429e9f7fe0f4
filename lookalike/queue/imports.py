"""URLs by the thousand, none of them seen before: the shortest way in.

No object is made for an image before its answer is asked for; half of an
import's time in Python was their making and clearing away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from lookalike.database.naming import ensure_collection
from lookalike.images import are_plain_urls
from lookalike.jobs import Lane
from lookalike.queue import limits
from lookalike.queue.copying import LEAST_ROWS, Common, copy_new
from lookalike.queue.enqueueing import Enqueued
from lookalike.tables import JOBS_CHANNEL
from lookalike.telemetry import tracing


def enqueue_urls(
    connection: Connection,
    collection: str,
    images: Sequence[object],
    described: Sequence[str | None],
) -> Iterator[Enqueued] | None:
    """Enqueue new images by their URLs, in the bulk lane; the answers in order.

    `described` has each image's metadata as JSON, or None.
    None, with nothing enqueued, where this way does not serve: they are few,
    not all plain URLs, or some are there already. Raises as `enqueue` does.
    """
    if len(images) < LEAST_ROWS:
        return None
    urls = [image for image in images if isinstance(image, str)]
    if len(urls) < len(images) or len(set(urls)) < len(urls) or not are_plain_urls(urls):
        return None
    collection_id, space_id = ensure_collection(connection, collection)
    limits.check_room(connection, collection, len(urls))
    with tracing.producing("lookalike enqueue") as trace_parent:
        common = Common(collection_id, space_id, int(Lane.BULK), trace_parent)
        ids = copy_new(connection, urls, described, common)
    if ids is None:
        return None
    connection.execute(text(f"NOTIFY {JOBS_CHANNEL}"))
    return (Enqueued(image_id, job_id, True) for image_id, job_id in ids)
