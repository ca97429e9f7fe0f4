"""A picture's features, asked of the workers: somebody waits for them."""

from __future__ import annotations

from sqlalchemy import Engine

from lookalike import queue, search
from lookalike.database import transaction
from lookalike.doorbell import Doorbell
from lookalike.errors import Unavailable
from lookalike.images import ImageRef, Source
from lookalike.inputs import ImageLike, bytes_of, parsed
from lookalike.jobs import JobStatus
from lookalike.search import QueryFeatures
from lookalike.settings import Settings
from lookalike.waiting import failure_of, wait_for_jobs


def embed_query(
    engine: Engine,
    url: str,
    doorbell: Doorbell,
    settings: Settings,
    image: ImageLike,
    collection: str,
) -> QueryFeatures:
    """A picture's features in a collection's space, by the interactive lane.

    Raises UnknownCollection, WaitedTooLong where no worker answers in time,
    or what the picture was rejected for.
    """
    is_remote = isinstance(image, str | ImageRef) and parsed(image).source != Source.FILE
    with transaction(engine) as connection:
        ref = (
            parsed(image)
            if is_remote and isinstance(image, str | ImageRef)
            else queue.upload(connection, bytes_of(image, settings.max_bytes))[0]
        )
        job_id = queue.enqueue_query(connection, collection, ref)
    doorbell.ring()
    (job,) = wait_for_jobs(engine, url, [job_id], timeout_s=settings.query_timeout_s)
    if job.status is JobStatus.FAILED:
        raise failure_of(job)
    with transaction(engine) as connection:
        found = search.features_of_query(connection, job_id)
    if found is None:
        raise Unavailable(f"the answer of query job {job_id} is gone: search again")
    return found
