"""A picture as a question: its features by way of the interactive lane, and of no collection."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the workers for the features of pictures that are added nowhere."""

    engine: Engine
    database_url: str
    settings: Settings
    doorbell: Doorbell

    def embed(self, image: ImageLike, collection: str) -> QueryFeatures:
        """A picture's features in a collection's space.

        Raises UnknownCollection, what the picture was rejected for, and
        WaitedTooLong where no worker answers in time.
        """
        is_remote = isinstance(image, str | ImageRef) and parsed(image).source != Source.FILE
        with transaction(self.engine) as connection:
            ref = (
                parsed(image)
                if is_remote and isinstance(image, str | ImageRef)
                else queue.upload(connection, bytes_of(image, self.settings.max_bytes))[0]
            )
            job_id = queue.enqueue_query(connection, collection, ref)
        self.doorbell.ring()
        (job,) = wait_for_jobs(
            self.engine, self.database_url, [job_id], timeout_s=self.settings.query_timeout_s
        )
        if job.status is JobStatus.FAILED:
            raise failure_of(job)
        with transaction(self.engine) as connection:
            found = search.features_of_query(connection, job_id)
        if found is None:
            raise Unavailable(f"the answer of query job {job_id} is gone: search again")
        return found
