"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lookalike import AsyncLookalike, JobStatus
from lookalike.errors import (
    BacklogFull,
    ReferenceInvalid,
    StoreUnavailable,
    UnknownImage,
    UnknownJob,
    WaitedTooLong,
)
from lookalike.queue import Enqueued
from lookalike.settings import Settings

URLS = [f"https://images.example/{n}.jpg" for n in range(250)]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


def test_what_is_added_can_be_asked_for(settings: Settings) -> None:
    async def use() -> None:
        async with AsyncLookalike(settings=settings) as client:
            added = await client.add(URLS[0], collection="shop", metadata={"sku": 7})
            assert added.job_id is not None
            assert (await client.job(added.job_id)).status is JobStatus.QUEUED
            assert (await client.status()).n_open == 1
            assert (await client.why(added.image_id)).reference == URLS[0]
            with pytest.raises(UnknownImage):
                await client.search(image_id=999)

    asyncio.run(use())


def test_many_are_added_in_the_order_given(settings: Settings) -> None:
    async def use() -> None:
        async with AsyncLookalike(settings=settings) as client:
            added = [one async for one in client.add_many(URLS)]
            stories = [await client.why(one.image_id) for one in (added[0], added[-1])]
            assert [story.reference for story in stories] == [URLS[0], URLS[-1]]
            again = [one async for one in client.add_many(URLS)]
            assert [one.image_id for one in again] == [one.image_id for one in added]

    asyncio.run(use())


def test_many_may_come_asynchronously_some_at_once_and_some_late(settings: Settings) -> None:
    answered = asyncio.Event()

    async def made() -> AsyncIterator[str]:
        for url in URLS[:-1]:
            yield url
        # The last one is only made when the others have been answered.
        await answered.wait()
        yield URLS[-1]

    async def use() -> None:
        async with AsyncLookalike(settings=settings) as client:
            n_added = 0
            async for _ in client.add_many(made()):
                n_added += 1
                if n_added == len(URLS) - 1:
                    answered.set()
            assert n_added == len(URLS)

    asyncio.run(use())


def test_calls_go_on_beside_each_other_and_a_wait_ends_in_time(settings: Settings) -> None:
    async def use() -> None:
        async with AsyncLookalike(settings=settings, max_threads=4) as client:
            with pytest.raises(UnknownJob):
                await client.job(1)
            added = await client.add(URLS[0])
            wait = asyncio.create_task(client.wait([added], timeout_s=0.2))
            others = await asyncio.gather(*(client.status() for _ in range(10)))
            assert {status.n_open for status in others} == {1}
            with pytest.raises(WaitedTooLong):
                await wait

    asyncio.run(use())


def test_a_database_that_cannot_be_reached_is_tried_again_by_the_next_call() -> None:
    async def use() -> None:
        client = AsyncLookalike("postgresql://nobody@127.0.0.1:1/none")
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await client.status()
        await client.close()

    asyncio.run(use())


def test_the_words_of_the_other_client_are_there_and_operators_by_a_call(
    settings: Settings,
) -> None:
    async def use() -> None:
        async with AsyncLookalike(settings=settings) as client:
            added = await client.add_each([(URLS[0], {"sku": 1}), ("ftp://a/b", None)])
            assert [type(one) for one in added] == [Enqueued, ReferenceInvalid]
            (job,) = await client.jobs([1])
            assert job.reference == URLS[0]
            assert await client.thumbnail(1) is None
            assert [pair async for pair in client.duplicate_pairs()] == []
            await client.call(lambda it: it.operator.limit(1))
            with pytest.raises(BacklogFull):
                _ = [one async for one in client.add_many(URLS[1:], patience_s=0)]

    asyncio.run(use())
