"""An installation without processes: a client, and a worker's steps by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, text

from lookalike import store
from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.features import Features, FeatureSpace, Tag
from lookalike.images import ImageKey
from lookalike.jobs import ClaimedJob, Embedded, Lane, Outcome, Trace
from lookalike.queue import leases, windows, workers
from lookalike.settings import Settings

_PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'lookalike.features'::regclass
"""

SPACE = FeatureSpace("fake", "ab" * 32, 4032, trained=False)


@dataclass(frozen=True, slots=True)
class Installation:
    """A migrated database with one announced worker of SPACE."""

    client: Lookalike
    engine: Engine
    space_id: int

    @classmethod
    def on(cls, database_url: str, *, space: FeatureSpace = SPACE) -> Installation:
        engine = open_engine(database_url)
        with transaction(engine) as connection:
            space_id = store.register_space(connection, space)
            workers.announce(connection, f"w-{space.encoder}", space_id, "by hand")
        settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url})
        return cls(Lookalike(settings=settings), engine, space_id)

    def claim(self, *, lane: Lane = Lane.BULK, worker: str = "w") -> list[ClaimedJob]:
        """Lease everything that is ready, and claim it."""
        with transaction(self.engine) as connection:
            chunks = windows.lease_jobs(
                connection, self.space_id, lane, n=1000, chunk_size=16, lease_s=60
            )
            return [
                job
                for chunk in chunks
                for job in leases.claim(connection, chunk, worker=worker, lease_s=60)
            ]

    def commit(self, outcomes: list[Outcome]) -> None:
        with transaction(self.engine) as connection:
            store.commit_outcomes(connection, self.space_id, outcomes)

    def embed(self, features: Features) -> None:
        """Give the ready jobs these features, in order; float32 of shape (n, dimensions)."""
        jobs = self.claim()
        self.commit([embedded(job, row) for job, row in zip(jobs, features, strict=True)])

    def empty(self) -> None:
        """Delete everything, also what is committed; ids begin at 1 again."""
        with transaction(self.engine) as connection:
            connection.execute(
                text("""
                    TRUNCATE lookalike.collections, lookalike.images, lookalike.jobs,
                        lookalike.map_points, lookalike.maps,
                        lookalike.leases, lookalike.tallies, lookalike.controls,
                        lookalike.uploads, lookalike.features, lookalike.image_tags,
                        lookalike.thumbnails,
                        lookalike.query_features, lookalike.workers, lookalike.feature_spaces,
                        lookalike.search_indexes, lookalike.key_axes, lookalike.calibrations,
                        lookalike.reembeddings, lookalike.webhooks, lookalike.webhook_ends,
                        lookalike.webhook_deliveries
                    RESTART IDENTITY
                """)
            )
            for (partition,) in connection.execute(text(_PARTITIONS)).all():
                connection.execute(text(f"DROP TABLE {partition}"))

    def close(self) -> None:
        self.client.close()
        self.engine.dispose()


def embedded(job: ClaimedJob, features: Features, tags: tuple[Tag, ...] = ()) -> Embedded:
    return Embedded(job, ImageKey.of(str(job.id).encode()), features, Trace(1, 2, 3, 4), tags)


def random_features(n: int, *, dimensions: int = 4032, seed: int = 0) -> Features:
    return np.random.default_rng(seed).random((n, dimensions), dtype=np.float32)
