"""The client that web apps and scripts use: add images, wait, search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self, Unpack

from sqlalchemy import Engine

from lookalike import queue, search
from lookalike.client.adding import Described, add_each
from lookalike.client.asking import Asking, Question
from lookalike.client.backlog import Backlog, enqueueing_bar
from lookalike.client.catalogue import Catalogue
from lookalike.client.inputs import ImageLike, parsed
from lookalike.client.operator import Operator
from lookalike.database import check_schema, open_engine, reading, transaction
from lookalike.errors import BacklogFull, Rejected
from lookalike.features import Features, FeatureSpace, Neighbours, Tag
from lookalike.images import ImageRef
from lookalike.indexes import Indexes
from lookalike.jobs import Job, Request
from lookalike.queue import Enqueued
from lookalike.queue.doorbell import Doorbell
from lookalike.queue.waiting import job_ids, wait_for_jobs
from lookalike.reembedding import Reembedding
from lookalike.search import QueryFeatures
from lookalike.search.duplicates import (
    DuplicatePage,
    DuplicatePair,
    Duplicates,
    Tier,
    duplicate_page,
    duplicates_of,
)
from lookalike.search.narrowing import Narrowing
from lookalike.settings import Settings
from lookalike.status import Status, read_status
from lookalike.status.story import Story, read_story
from lookalike.store import bulk
from lookalike.store.tags import read_tags
from lookalike.store.thumbnails import read_thumbnail

DEFAULT_COLLECTION = "default"


class Lookalike:
    """A connection to a lookalike installation; thread-safe; needs Postgres alone.

    Where the settings name Redis too, jobs are published right after they
    are committed, without waiting for a relay. `Lookalike()` reads the
    environment. Every method raises
    StoreUnavailable where Postgres cannot be reached.
    """

    def __init__(self, database_url: str | None = None, *, settings: Settings | None = None):
        self._settings = settings or Settings.load()
        self._url = database_url or self._settings.require_database()
        self._engine: Engine = open_engine(self._url)
        self._doorbell = Doorbell(self._engine, self._settings)
        self._asking = Asking(self._engine, self._url, self._settings, self._doorbell)
        check_schema(self._engine)

    def add(
        self,
        image: ImageLike,
        *,
        collection: str = DEFAULT_COLLECTION,
        metadata: Mapping[str, object] | None = None,
        upload: bool = False,
    ) -> Enqueued:
        """Enqueue one image; returns as soon as the job is committed; raises BacklogFull.

        A path must be readable for the workers, else give `upload=True` or
        bytes: these are kept in Postgres. Adding the same image again does
        nothing, unless its bytes have changed.
        """
        (added,) = self.add_many(
            [image], collection=collection, metadata=metadata, upload=upload, patience_s=0
        )
        return added

    def add_many(
        self,
        images: Iterable[ImageLike],
        *,
        collection: str = DEFAULT_COLLECTION,
        metadata: Mapping[str, object] | None = None,
        upload: bool = False,
        patience_s: float = 600,
        progress: bool = False,
    ) -> Iterator[Enqueued]:
        """Enqueue images in the order given, some thousands a transaction, as they are iterated.

        Each yielded answer is committed already; two transactions are under
        way at a time. An image that is no valid reference raises Rejected;
        what was yielded before stays, and adding the rest again is safe.

        Where a limit of open jobs is reached, it goes on as workers make room, and
        raises BacklogFull once there was none for `patience_s` seconds; with 0 at
        once. `progress` shows a bar, on the standard error or in a notebook.
        """
        backlog = Backlog(
            self._engine, self._url, collection, metadata, upload, self._settings.max_bytes
        )
        with enqueueing_bar(images, is_shown=progress) as advance:
            for answers in backlog.fill(images, patience_s=patience_s):
                self._doorbell.ring()
                advance(len(answers))
                yield from answers

    def add_each(
        self, images: Sequence[Described], *, collection: str = DEFAULT_COLLECTION
    ) -> list[Enqueued | Rejected | BacklogFull]:
        """Enqueue references, each with its own metadata, in one transaction.

        In the place of one that cannot be enqueued is its error, and the
        others are all the same.
        """
        answers = add_each(self._engine, collection, images)
        self._doorbell.ring()
        return answers

    def add_features(
        self,
        images: Sequence[str | Path | ImageRef | Request],
        features: Features,
        space: FeatureSpace,
        *,
        collection: str = DEFAULT_COLLECTION,
    ) -> list[int]:
        """Store images whose features are there already; gives the images' ids. No job is made.

        `features`, float32 of shape (n, dimensions), has a row for each
        image; a `Request` brings metadata and an image key. Some megabytes a
        transaction, two at a time: at an error some are stored, and doing
        all of it again is safe. Raises WrongFeatureSpace where the collection
        serves another space, FeaturesInvalid, MetadataInvalid, ReferenceInvalid.
        """
        given = [
            image if isinstance(image, Request) else Request(parsed(image)) for image in images
        ]
        portions = bulk.add_features(self._engine, collection, space, given, features)
        return [image_id for portion in portions for image_id in portion]

    def job(self, job_id: int) -> Job:
        """One job as it stands; raises UnknownJob."""
        return self.jobs([job_id])[0]

    def wait(self, jobs: Iterable[Enqueued | Job | int], *, timeout_s: float = 60) -> list[Job]:
        """The jobs, once each is done or failed, without polling; raises WaitedTooLong."""
        return wait_for_jobs(self._engine, self._url, job_ids(jobs), timeout_s=timeout_s)

    def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        """Jobs as they stand, in the order of their ids; raises UnknownJob."""
        with reading(self._engine) as connection:
            return queue.read_jobs(connection, job_ids)

    @property
    def catalogue(self) -> Catalogue:
        """What there is: collections, images page by page, feature spaces, jobs that end."""
        return Catalogue(self._engine, self._url, lease_s=self._settings.lease_s)

    @property
    def operator(self) -> Operator:
        """What operators do: pause, drain, limit, retry what failed, clean up."""
        return Operator(self._engine, self._url)

    def reembedding(self, collection: str = DEFAULT_COLLECTION) -> Reembedding:
        """A collection's change of encoder: begin it, compare, flip, roll back, end it."""
        return Reembedding(self._engine, collection, lease_s=self._settings.lease_s)

    @property
    def indexes(self) -> Indexes:
        """Search indexes: build, drop, how they stand, and what recall they have."""
        return Indexes(self._engine)

    def status(self) -> Status:
        """What waits, is done and failed, how fast it goes, and the live workers."""
        with transaction(self._engine) as connection:
            return read_status(connection, lease_s=self._settings.lease_s)

    def why(self, image_id: int) -> Story:
        """The story of one image; raises UnknownImage."""
        with transaction(self._engine) as connection:
            return read_story(connection, image_id)

    def search(
        self,
        image: ImageLike | None = None,
        *,
        image_id: int | None = None,
        features: QueryFeatures | Features | None = None,
        collection: str | None = None,
        k: int = 10,
        **narrowing: Unpack[Narrowing],
    ) -> Neighbours:
        """The k nearest images, by a picture, a stored image's id, or features.

        `filter={"colour": "red"}`, `predicate='$.price < 20'` and
        `threshold=0.2` leave images out; `n_missing` of the answer tells how
        many fewer than k are left. `exact=True` uses no index.

        A picture goes through the workers' interactive lane first. Raises
        UnknownCollection, UnknownImage, WrongFeatureSpace, FeaturesInvalid,
        FilterInvalid, WaitedTooLong where no worker answers in time, or what
        the picture was rejected for.
        """
        question = Question(image, image_id, features, k)
        return self._asking.nearest(
            question, collection=collection, default=DEFAULT_COLLECTION, narrowing=narrowing
        )

    def duplicates(
        self, image_id: int, *, collection: str | None = None, k: int = 100
    ) -> Duplicates:
        """What is the same as a stored image, the surest first; by default in its collection.

        Identical by their bytes; near-duplicates and similar ones where
        `lookalike calibrate` has measured distances. Raises UnknownImage and
        UnknownCollection.
        """
        with transaction(self._engine) as connection:
            return duplicates_of(connection, image_id, collection=collection, k=k)

    def duplicate_pairs(
        self, collection: str = DEFAULT_COLLECTION, *, tier: str = Tier.IDENTICAL, after: int = 0
    ) -> Iterator[DuplicatePair]:
        """All pairs of a collection that are the same, by ids from `after` on.

        Walks the collection in short transactions as it is iterated. Raises
        UnknownCollection, and NotCalibrated for a tier that needs distances.
        """
        position: int | None = after
        while position is not None:
            page = self.duplicate_page(collection, tier=tier, after=position)
            yield from page.pairs
            position = page.next_after

    def duplicate_page(
        self,
        collection: str = DEFAULT_COLLECTION,
        *,
        tier: str = Tier.IDENTICAL,
        after: int = 0,
        n_images: int = 100,
    ) -> DuplicatePage:
        """One step of `duplicate_pairs`: the pairs of the next `n_images` images after an id."""
        with transaction(self._engine) as connection:
            return duplicate_page(connection, collection, tier=tier, after=after, n_images=n_images)

    def embed(self, image: ImageLike, *, collection: str = DEFAULT_COLLECTION) -> QueryFeatures:
        """A picture's features in a collection's space, without adding it anywhere."""
        return self._asking.embed(image, collection)

    def features(self, image_id: int) -> QueryFeatures:
        """A stored image's features; raises UnknownImage."""
        with reading(self._engine) as connection:
            return search.features_of_image(connection, image_id)

    def tags(self, image_id: int) -> list[Tag]:
        """A stored image's labels, the likeliest first, if any; raises UnknownImage."""
        with reading(self._engine) as connection:
            return read_tags(connection, image_id)

    def thumbnail(self, image_id: int) -> bytes | None:
        """A stored image's thumbnail, a JPEG, if workers have made one; raises UnknownImage."""
        with reading(self._engine) as connection:
            return read_thumbnail(connection, image_id)

    def close(self) -> None:
        self._doorbell.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
