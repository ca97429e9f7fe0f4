"""Counting requests by caller, with and without what all processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from lookalike.errors import QueueUnavailable
from lookalike_api.entry import rates
from lookalike_api.entry.quotas import Quota, Standing
from lookalike_api.entry.rates import Counter, InMemory, SharedIfPossible

ONE_A_MINUTE = Quota(1, 60)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """Counts in memory, as long as it is up."""

    def __init__(self, clock: Clock) -> None:
        self.is_up = True
        self.n_asked = 0
        self._counts = InMemory(clock)

    async def take(self, caller: str, quota: Quota, n: int = 1) -> Standing:
        self.n_asked += 1
        await asyncio.sleep(0)  # others come in between
        if not self.is_up:
            raise QueueUnavailable("it is down")
        return await self._counts.take(caller, quota, n)

    async def close(self) -> None:
        pass


def granted(counter: Counter, callers: Iterable[str]) -> list[bool]:
    async def ask() -> list[bool]:
        return [(await counter.take(caller, ONE_A_MINUTE)).is_granted for caller in callers]

    return asyncio.run(ask())


def test_each_caller_has_a_quota_of_its_own() -> None:
    assert granted(InMemory(Clock()), ["a", "b", "a", "c"]) == [True, True, False, True]


def test_a_flood_of_callers_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 3)
    clock = Clock()
    counter = InMemory(clock)
    granted(counter, "ab")
    clock.now += 60
    assert granted(counter, ["c", "d", "c"]) == [True, True, False]
    assert granted(counter, ["e", "f", "f"]) == [True, True, False]
    assert len(counter._full_at) <= 3


def test_without_what_is_shared_the_process_counts_alone_and_nobody_waits_twice() -> None:
    clock = Clock()
    shared = Shared(clock)
    counter = SharedIfPossible(shared, clock)
    shared.is_up = False
    assert granted(counter, ["a", "a", "b"]) == [True, False, True]
    assert shared.n_asked == 1


def test_what_is_shared_is_tried_again_after_some_seconds() -> None:
    clock = Clock()
    shared = Shared(clock)
    counter = SharedIfPossible(shared, clock)
    shared.is_up = False
    granted(counter, "a")
    shared.is_up = True
    clock.now += 6
    assert granted(counter, "aa") == [True, False]
    assert shared.n_asked == 3


def test_requests_at_once_are_all_counted_where_it_is_shared() -> None:
    clock = Clock()
    shared = Shared(clock)
    counter = SharedIfPossible(shared, clock)

    async def ask_at_once() -> list[Standing]:
        return await asyncio.gather(*(counter.take("a", ONE_A_MINUTE) for _ in range(3)))

    assert [one.is_granted for one in asyncio.run(ask_at_once())] == [True, False, False]
    assert shared.n_asked == 3
