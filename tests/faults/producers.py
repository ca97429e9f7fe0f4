"""Web apps that enqueue pictures for as long as they are asked to, and keep a ledger."""

from __future__ import annotations

import random
import threading
from collections.abc import Container
from types import TracebackType
from typing import Self

from lookalike.client import Lookalike
from lookalike.database import open_engine, tallies, transaction
from lookalike.errors import StoreUnavailable
from lookalike.settings import Settings
from tests.faults.pictures import Kind, PictureHost

COLLECTIONS = ("bags", "hats", "shoes")

# One of so many pictures is of this kind.
_ONE_OF = {
    Kind.FLAKY: 50,
    Kind.GREEDY: 200,
    Kind.MISSING: 300,
    Kind.UNREADABLE: 300,
    Kind.LARGE: 300,
    Kind.UNEMBEDDABLE: 500,
    Kind.DOWN: 2000,
    Kind.HUNGRY: 2000,
}


class Producers:
    """Threads that keep the backlog filled while they are entered; `accepted` is what they owe us.

    An enqueue whose answer was lost may have been committed or not: the
    picture is added again, which does no harm, and counts once it is
    acknowledged.
    """

    def __init__(
        self,
        settings: Settings,
        host: PictureHost,
        *,
        backlog: int,
        killers_at: Container[int],
        seed: int,
    ) -> None:
        self._settings = settings
        self._host = host
        self._backlog = backlog
        self._seed = seed
        self._n_left = 0
        self._numbers = iter(range(1_000_000_000))
        self._killers_at = killers_at
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name,), name=f"producer-{name}")
            for name in COLLECTIONS
        ]
        self.accepted: set[str] = set()
        self.n_unknown = 0
        self.error: Exception | None = None

    @property
    def n_accepted(self) -> int:
        return len(self.accepted)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self.error is not None and error is None:
            raise self.error

    def _run(self, collection: str) -> None:
        dice = random.Random(f"{self._seed} {collection}")
        engine = open_engine(self._settings.require_database(), pool_size=1)
        client = Lookalike(settings=self._settings)
        try:
            while not self._stopping.is_set():
                try:
                    with transaction(engine) as connection:
                        is_full = tallies.count_open(connection) > self._backlog
                except StoreUnavailable:
                    is_full = True
                if is_full:
                    self._stopping.wait(0.1)
                else:
                    self._add(client, collection, self._pictures(dice))
        except Exception as error:  # noqa: BLE001 - told at the end
            self.error = error
        finally:
            client.close()
            engine.dispose()

    def _add(self, client: Lookalike, collection: str, references: list[str]) -> None:
        while True:
            try:
                list(client.add_many(references, collection=collection))
            except StoreUnavailable:
                self.n_unknown += 1
                threading.Event().wait(0.2)
            else:
                with self._lock:
                    self.accepted.update(references)
                return

    def _pictures(self, dice: random.Random) -> list[str]:
        with self._lock:
            numbers = [next(self._numbers) for _ in range(dice.choice((1, 20, 100, 250)))]
        return [self._host.reference(self._kind(number, dice), number) for number in numbers]

    def _kind(self, number: int, dice: random.Random) -> Kind:
        if number in self._killers_at:
            return Kind.KILLER
        for kind, one_of in _ONE_OF.items():
            if dice.randrange(one_of) == 0:
                return kind
        return Kind.GOOD
