"""The client for asyncio: the same words as `Lookalike`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, Self, TypeVar, Unpack

from lookalike.client.adding import Described
from lookalike.client.backlog import enqueueing_bar
from lookalike.client.inputs import ImageLike, portions
from lookalike.client.synchronous import DEFAULT_COLLECTION, Lookalike
from lookalike.errors import BacklogFull, Rejected
from lookalike.features import Features, FeatureSpace, Neighbours, Tag
from lookalike.images import ImageRef
from lookalike.jobs import Job, Request
from lookalike.queue import Enqueued
from lookalike.search import QueryFeatures
from lookalike.search.duplicates import DuplicatePage, DuplicatePair, Duplicates, Tier
from lookalike.search.narrowing import Narrowing
from lookalike.settings import Settings
from lookalike.status import Status
from lookalike.status.story import Story

# For images that are made one by one: a transaction for each would cost more than this.
_GATHER_S = 0.05
_MOST_GATHERED = 100

P = ParamSpec("P")
R = TypeVar("R")


class AsyncLookalike:
    """`Lookalike` for web apps on asyncio; each call runs in one of its threads.

        async with AsyncLookalike() as client:
            added = await client.add("https://images.example/shoe.jpg")
            (job,) = await client.wait([added])

    A wait for a job, and a search by a picture, keep their thread until they
    are answered: `max_threads` of them go on at once, and further calls
    queue. Where the task that awaits a call is cancelled, the call goes on
    unseen. The errors are those of `Lookalike`. What operators do has no
    words of its own here: `await client.call(lambda it: it.operator.pause("shop"))`.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        settings: Settings | None = None,
        max_threads: int = 32,
    ) -> None:
        self._open = partial(Lookalike, database_url, settings=settings)
        self._threads = ThreadPoolExecutor(max_threads, thread_name_prefix="lookalike")
        self._opened: asyncio.Future[Lookalike] | None = None

    async def add(
        self,
        image: ImageLike,
        *,
        collection: str = DEFAULT_COLLECTION,
        metadata: Mapping[str, object] | None = None,
        upload: bool = False,
    ) -> Enqueued:
        """Enqueue one image; returns as soon as the job is committed."""
        return await self.call(
            lambda it: it.add(image, collection=collection, metadata=metadata, upload=upload)
        )

    async def add_many(
        self,
        images: Iterable[ImageLike] | AsyncIterable[ImageLike],
        *,
        collection: str = DEFAULT_COLLECTION,
        metadata: Mapping[str, object] | None = None,
        upload: bool = False,
        patience_s: float = 600,
        progress: bool = False,
    ) -> AsyncIterator[Enqueued]:
        """Enqueue images in the order given, some thousands a transaction, as they are iterated.

        A plain iterable is iterated in a thread, so that it may read from a
        disk. No more images are taken than are being enqueued. A full backlog
        keeps its thread for up to `patience_s` seconds.
        """
        client = await self._client()

        def add(some: list[ImageLike]) -> list[Enqueued]:
            return list(
                client.add_many(
                    some,
                    collection=collection,
                    metadata=metadata,
                    upload=upload,
                    patience_s=patience_s,
                )
            )

        with enqueueing_bar(images, is_shown=progress) as advance:
            async for some in self._portions(images, upload=upload):
                added = await self._run(add, some)
                advance(len(added))
                for enqueued in added:
                    yield enqueued

    async def add_each(
        self, images: Sequence[Described], *, collection: str = DEFAULT_COLLECTION
    ) -> list[Enqueued | Rejected | BacklogFull]:
        """Enqueue references, each with its own metadata; in a bad one's place is its error."""
        return await self.call(lambda it: it.add_each(images, collection=collection))

    async def add_features(
        self,
        images: Sequence[str | Path | ImageRef | Request],
        features: Features,
        space: FeatureSpace,
        *,
        collection: str = DEFAULT_COLLECTION,
    ) -> list[int]:
        """Store images whose features are there already; gives the images' ids. No job is made."""
        return await self.call(
            lambda it: it.add_features(images, features, space, collection=collection)
        )

    async def job(self, job_id: int) -> Job:
        """One job as it stands; raises UnknownJob."""
        return await self.call(lambda it: it.job(job_id))

    async def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        """Jobs as they stand, in the order of their ids; raises UnknownJob."""
        return await self.call(lambda it: it.jobs(job_ids))

    async def wait(
        self, jobs: Iterable[Enqueued | Job | int], *, timeout_s: float = 60
    ) -> list[Job]:
        """The jobs, once each is done or failed; raises WaitedTooLong."""
        return await self.call(lambda it: it.wait(list(jobs), timeout_s=timeout_s))

    async def search(
        self,
        image: ImageLike | None = None,
        *,
        image_id: int | None = None,
        features: QueryFeatures | Features | None = None,
        collection: str | None = None,
        k: int = 10,
        **narrowing: Unpack[Narrowing],
    ) -> Neighbours:
        """The k nearest images, by a picture, a stored image's id, or features."""
        client = await self._client()
        ask = partial(client.search, image, image_id=image_id, features=features, k=k)
        return await self._run(partial(ask, collection=collection, **narrowing))

    async def embed(
        self, image: ImageLike, *, collection: str = DEFAULT_COLLECTION
    ) -> QueryFeatures:
        """A picture's features in a collection's space, without adding it anywhere."""
        return await self.call(lambda it: it.embed(image, collection=collection))

    async def features(self, image_id: int) -> QueryFeatures:
        """A stored image's features; raises UnknownImage."""
        return await self.call(lambda it: it.features(image_id))

    async def tags(self, image_id: int) -> list[Tag]:
        """A stored image's labels, the likeliest first; raises UnknownImage."""
        return await self.call(lambda it: it.tags(image_id))

    async def thumbnail(self, image_id: int) -> bytes | None:
        """A stored image's thumbnail, a JPEG, if workers have made one; raises UnknownImage."""
        return await self.call(lambda it: it.thumbnail(image_id))

    async def duplicates(
        self, image_id: int, *, collection: str | None = None, k: int = 100
    ) -> Duplicates:
        """What is the same as a stored image, the surest first."""
        return await self.call(lambda it: it.duplicates(image_id, collection=collection, k=k))

    async def duplicate_pairs(
        self, collection: str = DEFAULT_COLLECTION, *, tier: str = Tier.IDENTICAL, after: int = 0
    ) -> AsyncIterator[DuplicatePair]:
        """All pairs of a collection that are the same, by ids from `after` on."""
        position: int | None = after
        while position is not None:
            page = await self.duplicate_page(collection, tier=tier, after=position)
            for pair in page.pairs:
                yield pair
            position = page.next_after

    async def duplicate_page(
        self,
        collection: str = DEFAULT_COLLECTION,
        *,
        tier: str = Tier.IDENTICAL,
        after: int = 0,
        n_images: int = 100,
    ) -> DuplicatePage:
        """One step of `duplicate_pairs`: the pairs of the next `n_images` images after an id."""
        return await self.call(
            lambda it: it.duplicate_page(collection, tier=tier, after=after, n_images=n_images)
        )

    async def status(self) -> Status:
        """What waits, is done and failed, how fast it goes, and the live workers."""
        return await self.call(lambda it: it.status())

    async def why(self, image_id: int) -> Story:
        """The story of one image; raises UnknownImage."""
        return await self.call(lambda it: it.why(image_id))

    async def call(self, what: Callable[[Lookalike], R]) -> R:
        """Whatever else `Lookalike` can do, in one of the threads: its operators' words too."""
        return await self._run(what, await self._client())

    async def close(self) -> None:
        """Close the connections, once what is under way has ended."""
        if self._opened is not None and self._opened.done() and not self._opened.exception():
            await self._run(self._opened.result().close)
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self._client()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _client(self) -> Lookalike:
        """The one client, opened by the first call; one that failed is tried again."""
        opened = self._opened
        if opened is None or (opened.done() and opened.exception()):
            opened = self._opened = asyncio.ensure_future(self._run(self._open))
        # Shielded: a caller that is cancelled takes the opening from nobody else.
        return await asyncio.shield(opened)

    async def _run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))

    async def _portions(
        self, images: Iterable[ImageLike] | AsyncIterable[ImageLike], *, upload: bool
    ) -> AsyncIterator[list[ImageLike]]:
        if isinstance(images, AsyncIterable):
            async for gathered in _gathered(images):
                for portion in portions(gathered, upload=upload):
                    yield portion
            return
        some = portions(images, upload=upload)
        while following := await self._run(next, some, None):
            yield following


async def _gathered(images: AsyncIterable[ImageLike]) -> AsyncIterator[list[ImageLike]]:
    """What comes within a moment of each other, together; who makes them may make them slowly."""
    iterator = aiter(images)
    gathered: list[ImageLike] = []
    following = asyncio.ensure_future(anext(iterator))
    try:
        while True:
            await asyncio.wait({following}, timeout=_GATHER_S if gathered else None)
            if not following.done() or len(gathered) == _MOST_GATHERED:
                yield gathered
                gathered = []
                continue
            try:
                gathered.append(following.result())
            except StopAsyncIteration:
                break
            following = asyncio.ensure_future(anext(iterator))
    finally:
        following.cancel()
    if gathered:
        yield gathered
