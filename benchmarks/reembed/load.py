"""Threads that search without a pause, and keep every answer and every error."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.reembed.answers import Answer
from lookalike.client import Lookalike
from lookalike.errors import WrongFeatureSpace

Ask = Callable[[random.Random], Answer]
"""One search, with chance to choose what for."""


@dataclass(slots=True)
class Load:
    """What was answered, and what failed, so far."""

    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, n_more: int, *, timeout_s: float = 300) -> None:
        """Until so many more were answered or failed."""
        with self._more:
            wanted = len(self.answers) + len(self.errors) + n_more
            self._more.wait_for(
                lambda: len(self.answers) + len(self.errors) >= wanted, timeout=timeout_s
            )

    def ask(self, ask: Ask, seed: int, stop: threading.Event) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            try:
                self.answers.append(ask(chance))
            except Exception as error:  # noqa: BLE001 - whatever it is, the query failed
                self.errors.append(f"{type(error).__name__}: {error}")
            with self._more:
                self._more.notify_all()


@contextmanager
def searching(asks: Sequence[Ask]) -> Iterator[Load]:
    """A thread for each way of asking, until the block ends."""
    load, stop = Load(), threading.Event()
    threads = [
        threading.Thread(target=load.ask, args=(ask, seed, stop)) for seed, ask in enumerate(asks)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def by_id(client: Lookalike, image_ids: Sequence[int]) -> Ask:
    """Searches with a stored image: whichever space serves answers, wholly."""

    def ask(chance: random.Random) -> Answer:
        image_id, asked = chance.choice(image_ids), time.monotonic()
        found = client.search(image_id=image_id)
        return Answer(asked, time.monotonic(), found, image_id=image_id)

    return ask


def by_features(client: Lookalike, image_ids: Sequence[int]) -> Ask:
    """Searches with features that were read before: their own space answers.

    Where that was dropped in between, they are read again.
    """

    def search(image_id: int, asked: float) -> Answer:
        query = client.features(image_id)
        found = client.search(features=query)
        features = {query.space.name: query.features}
        return Answer(asked, time.monotonic(), found, features=features, only=query.space.name)

    def ask(chance: random.Random) -> Answer:
        image_id, asked = chance.choice(image_ids), time.monotonic()
        try:
            return search(image_id, asked)
        except WrongFeatureSpace:
            return search(image_id, asked)

    return ask
