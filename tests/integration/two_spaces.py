"""A collection with workers of two feature spaces, each by hand; features follow from the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import text

from lookalike import queue, reembedding
from lookalike.client import Lookalike
from lookalike.database import transaction
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Embedded, Failure, Lane, Outcome, Request, Trace
from lookalike.reembedding import Reembedding
from tests.integration.installation import Installation

OLD = FeatureSpace("blue", "ab" * 32, 24, trained=False)
NEW = FeatureSpace("green", "cd" * 32, 40, trained=False)


def features_of(data: str, space: FeatureSpace) -> Features:
    seed = int.from_bytes(hashlib.sha256(f"{space.encoder} {data}".encode()).digest()[:8])
    return np.random.default_rng(seed).random(space.dimensions, np.float32)


@dataclass(slots=True)
class TwoSpaces:
    """`data` are the bytes behind a reference, where they have changed; `broken` ones fail."""

    old: Installation
    new: Installation
    data: dict[str, str] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)

    @property
    def client(self) -> Lookalike:
        return self.old.client

    @property
    def reembedding(self) -> Reembedding:
        return self.client.reembedding("default")

    def add(self, names: Iterable[str]) -> list[int]:
        return [one.image_id for one in self.client.add_many(map(reference, names))]

    def change(self, name: str, data: str) -> None:
        """Let an image have other bytes, and a producer say so."""
        self.data[reference(name)] = data
        request = Request(ImageRef(reference(name)), ImageKey.of(data.encode()))
        with transaction(self.old.engine) as connection:
            queue.enqueue(connection, "default", [request])

    def work(self, space: FeatureSpace = OLD) -> int:
        """Do what is ready in a space; how many jobs that were."""
        jobs = self.claim(space)
        self.commit(space, [self.outcome(job, space) for job in jobs])
        return len(jobs)

    def claim(self, space: FeatureSpace) -> list[ClaimedJob]:
        house = self._house(space)
        return house.claim() + house.claim(lane=Lane.INTERACTIVE)

    def commit(self, space: FeatureSpace, outcomes: list[Outcome]) -> None:
        self._house(space).commit(outcomes)

    def outcome(self, job: ClaimedJob, space: FeatureSpace) -> Outcome:
        name = job.reference.text
        if (name, space.encoder) in self.broken:
            return Failure(job, "ImageUnreadable", "no picture", None, Trace())
        data = self.data.get(name, name)
        key = ImageKey.of(data.encode())
        return Embedded(job, key, features_of(data, space), Trace(1, 2, 3, 4))

    def fill(self, *, rounds: int = 3) -> None:
        """Sweep and work until nothing more comes of it."""
        for _ in range(rounds):
            reembedding.sweep(self.old.engine)
            self.work(OLD)
            self.work(NEW)

    def stored(self, space: FeatureSpace) -> dict[str, list[float]]:
        """The features in a space, by reference."""
        with transaction(self.old.engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT i.reference, f.features::real[] AS features
                    FROM lookalike.features f JOIN lookalike.images i ON i.id = f.image_id
                    WHERE f.space_id = :id
                """),
                {"id": self._house(space).space_id},
            )
            return {row.reference: row.features for row in rows}

    def scalar(self, statement: str, **values: object) -> object:
        with transaction(self.old.engine) as connection:
            return connection.scalar(text(statement), values)

    def run(self, statement: str, **values: object) -> None:
        with transaction(self.old.engine) as connection:
            connection.execute(text(statement), values)

    def _house(self, space: FeatureSpace) -> Installation:
        return self.old if space is OLD else self.new


def reference(name: str) -> str:
    return f"https://example.org/{name}.jpg"


@contextmanager
def two_spaces(database_url: str, names: Iterable[str]) -> Iterator[TwoSpaces]:
    """Images embedded in OLD, and a worker of NEW that is announced too."""
    old = Installation.on(database_url, space=OLD)
    list(old.client.add_many(map(reference, names)))
    new = Installation.on(database_url, space=NEW)
    both = TwoSpaces(old, new)
    both.work(OLD)
    yield both
    old.close()
    new.close()
