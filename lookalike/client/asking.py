"""Questions: the nearest to a picture, to a stored image or to features.

A picture's features come by way of the interactive lane, and are of no collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from lookalike import queue, search
from lookalike.client.inputs import ImageLike, bytes_of, parsed
from lookalike.database import reading, transaction
from lookalike.errors import Rejected, Unavailable, WrongFeatureSpace
from lookalike.features import Features, Neighbours
from lookalike.images import ImageRef, Source
from lookalike.jobs import JobStatus
from lookalike.pictures.gallery import MOST_BYTES
from lookalike.queue.doorbell import Doorbell
from lookalike.queue.waiting import failure_of, wait_for_jobs
from lookalike.search import QueryFeatures
from lookalike.search.narrowing import Narrowing, parameters
from lookalike.settings import Settings
from lookalike.store.thumbnails import read_thumbnails


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched by, one of three, and how many neighbours are asked for."""

    image: ImageLike | None
    image_id: int | None
    features: QueryFeatures | Features | None
    k: int

    def check(self) -> None:
        """Raise Rejected unless it is exactly one, and a number of neighbours that may be asked."""
        given = (self.image, self.image_id, self.features)
        if sum(one is not None for one in given) != 1:
            raise Rejected("expected exactly one of image, image_id and features")
        search.checked_k(self.k)


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks Postgres for the nearest, and workers for the features of pictures."""

    engine: Engine
    database_url: str
    settings: Settings
    doorbell: Doorbell

    def nearest(
        self, question: Question, *, collection: str | None, default: str, narrowing: Narrowing
    ) -> Neighbours:
        """The answer to a question; raises as `Lookalike.search` does."""
        # Before a worker is asked to embed a picture for nothing.
        question.check()
        parameters(narrowing)
        found = self._found(question, collection, default, narrowing)
        found.thumbnails = self._thumbnails
        return found

    def _found(
        self, question: Question, collection: str | None, default: str, narrowing: Narrowing
    ) -> Neighbours:
        name = collection or default
        if question.image_id is not None:
            with reading(self.engine) as connection:
                return search.nearest_by_image(
                    connection, question.image_id, k=question.k, collection=collection, **narrowing
                )
        ask = partial(self._nearest_to, name=name, k=question.k, narrowing=narrowing)
        if question.image is None:
            assert question.features is not None
            return ask(question.features)
        try:
            return ask(self.embed(question.image, name))
        except WrongFeatureSpace:
            # The collection left the encoder's space meanwhile: the one it went to answers.
            return ask(self.embed(question.image, name))

    def _nearest_to(
        self, features: QueryFeatures | Features, *, name: str, k: int, narrowing: Narrowing
    ) -> Neighbours:
        with reading(self.engine) as connection:
            return search.nearest_by_features(connection, name, features, k=k, **narrowing)

    def _thumbnails(self, image_ids: Sequence[int]) -> dict[int, bytes]:
        with reading(self.engine) as connection:
            return read_thumbnails(connection, image_ids, max_bytes=MOST_BYTES)

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
        with reading(self.engine) as connection:
            found = search.features_of_query(connection, job_id)
        if found is None:
            raise Unavailable(f"the answer of query job {job_id} is gone: search again")
        return found
