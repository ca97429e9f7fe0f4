"""Rows of 4,032 features a second: the writer against SQLAlchemy Core's upsert of text.

    python -m benchmarks.writes [--rows 1000] [--rounds 5]

Both sides upsert the same rows into an embedded Postgres, in turns, 250 a
transaction. The writer's time includes finishing the jobs; the other side's
does not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert

from benchmarks.machine import machine
from lookalike import leases, store, windows, workers
from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey
from lookalike.jobs import ClaimedJob, Embedded, Lane, Trace
from lookalike.local.postgres import EmbeddedPostgres
from lookalike.tables import features as table
from lookalike_migrations import migrate

SPACE = FeatureSpace("benchmark", "0" * 64, 4032, trained=False)
PORTION = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "postgres") as postgres:
            migrate(postgres.url)
            _measure(postgres.url, given.rows, given.rounds)


def _measure(url: str, n_rows: int, n_rounds: int) -> None:
    engine = open_engine(url)
    features = np.random.default_rng(0).random((n_rows, SPACE.dimensions), dtype=np.float32)
    with transaction(engine) as connection:
        space_id = store.register_space(connection, SPACE)
        workers.announce(connection, "benchmark", space_id, "benchmarks.writes")
    writer, plain = [], []
    with Lookalike(url) as client:
        for i in range(n_rounds):
            names = [f"https://example.org/{i}/{n}.jpg" for n in range(n_rows)]
            list(client.add_many(names, collection=f"round {i}"))
            writer.append(n_rows / _write(engine, space_id, _claim(engine, space_id), features))
            with transaction(engine) as connection:
                stored = text("SELECT collection_id, image_id FROM lookalike.features")
                ids = connection.execute(stored).all()
                connection.execute(text("TRUNCATE lookalike.features"))
            pairs = [(row.collection_id, row.image_id) for row in ids]
            plain.append(n_rows / _upsert(engine, space_id, pairs, features))
            with transaction(engine) as connection:
                connection.execute(text("TRUNCATE lookalike.features"))
    engine.dispose()
    ratio = statistics.median(a / b for a, b in zip(writer, plain, strict=True))
    figures = {
        "writer_rows_per_s": round(statistics.median(writer)),
        "text_rows_per_s": round(statistics.median(plain)),
        "writer_over_text": round(ratio, 2),
    }
    print(machine())
    print(json.dumps(figures))


def _claim(engine: Engine, space_id: int) -> list[ClaimedJob]:
    with transaction(engine) as connection:
        chunks = windows.lease_jobs(
            connection, space_id, Lane.BULK, n=10**6, chunk_size=64, lease_s=600
        )
        return [
            job
            for chunk in chunks
            for job in leases.claim(connection, chunk, worker="benchmark", lease_s=600)
        ]


def _write(engine: Engine, space_id: int, jobs: list[ClaimedJob], features: Features) -> float:
    outcomes = [
        Embedded(job, ImageKey.of(str(job.id).encode()), row, Trace(1, 2, 3, 4))
        for job, row in zip(jobs, features, strict=True)
    ]
    started = time.perf_counter()
    for i in range(0, len(outcomes), PORTION):
        with transaction(engine) as connection:
            store.commit_outcomes(connection, space_id, outcomes[i : i + PORTION])
    return time.perf_counter() - started


def _upsert(
    engine: Engine, space_id: int, pairs: list[tuple[int, int]], features: Features
) -> float:
    started = time.perf_counter()
    for i in range(0, len(pairs), PORTION):
        rows = [
            {
                "space_id": space_id,
                "collection_id": collection_id,
                "image_id": image_id,
                "features": HalfVector(row),
            }
            for (collection_id, image_id), row in zip(
                pairs[i : i + PORTION], features[i : i + PORTION], strict=True
            )
        ]
        statement = insert(table).values(rows)
        with transaction(engine) as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["space_id", "image_id"],
                    set_={"features": statement.excluded.features},
                )
            )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
