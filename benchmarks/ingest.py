"""Rows of 4,032 features a second: `add_features`, SQLAlchemy's executemany, and a plain COPY.

    python -m benchmarks.ingest [--rows 4000] [--rounds 7]

All begin with float32 in memory and end with committed rows in an embedded Postgres that syncs
every commit, in turns. The writer also makes the images; for the others these are there. Plain COPY
packs and sends the same binary rows straight into the empty partition: no conflict is thought of,
and no trigger counts rows or writes search keys. SQLAlchemy upserts text, an eighth of the rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert

from benchmarks.machine import machine
from lookalike import store
from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.features import Features, FeatureSpace
from lookalike.local.postgres import embedded_postgres
from lookalike.store import binary_copy
from lookalike.store.bulk import portion_size
from lookalike.store.halves import to_halves
from lookalike.tables import features as table
from lookalike_migrations import migrate

SPACE = FeatureSpace("benchmark", "0" * 64, 4032, trained=False)
# In one transaction, as the writer does of its own accord.
PORTION = portion_size(SPACE)
_SHARE_OF_TEXT = 8

_MAKE_IMAGES = """
    INSERT INTO lookalike.images (collection_id, reference)
    SELECT :collection_id, 'https://example.org/' || n || '.jpg' FROM generate_series(1, :n) n
    RETURNING id
"""


class Bench:
    """A database with one feature space and one collection, emptied before each turn."""

    def __init__(self, url: str, n_rows: int) -> None:
        self.engine: Engine = open_engine(url)
        self.client = Lookalike(url)
        self.n_rows = n_rows
        rng = np.random.default_rng(0)
        self.features: Features = rng.random((n_rows, SPACE.dimensions), dtype=np.float32)
        self.references = [f"https://example.org/{i}.jpg" for i in range(n_rows)]
        with transaction(self.engine) as connection:
            self.space_id = store.register_space(connection, SPACE)
        self.client.add_features(self.references[:1], self.features[:1], SPACE)
        with transaction(self.engine) as connection:
            self.collection_id = connection.scalar(text("SELECT id FROM lookalike.collections"))

    def write(self) -> float:
        """Rows a second of `add_features`, of images that are new."""
        self._empty()
        return self._add(self.features)

    def rewrite(self) -> float:
        """Rows a second of `add_features`, of images that are there with the same features."""
        return self._add(self.features)

    def replace(self) -> float:
        """Rows a second of `add_features`, of images that are there with other features."""
        return self._add(self.features[::-1])

    def copy(self) -> float:
        """Rows a second of COPY into the partition, of images that are there."""
        ids = self._images(self.n_rows)
        statement = (
            f"COPY lookalike.features_{self.space_id} ({binary_copy.FEATURES_COLUMNS}) "
            "FROM STDIN (FORMAT binary)"
        )

        def copy(some: slice) -> None:
            halves = to_halves(self.features[some])
            with transaction(self.engine) as connection:
                stream = binary_copy.pack_features(
                    self.space_id, self.collection_id, ids[some], halves
                )
                binary_copy.send(connection, statement, stream)

        return _rate(copy, self.n_rows)

    def executemany(self) -> float:
        """Rows a second of an upsert by SQLAlchemy Core, of images that are there."""
        n = self.n_rows // _SHARE_OF_TEXT
        ids = self._images(n)
        upsert = insert(table)
        upsert = upsert.on_conflict_do_update(
            index_elements=["image_id", "space_id"], set_={"features": upsert.excluded.features}
        )

        def execute(some: slice) -> None:
            rows = [
                {
                    "space_id": self.space_id,
                    "collection_id": self.collection_id,
                    "image_id": int(image_id),
                    "features": HalfVector(row),
                }
                for image_id, row in zip(ids[some], self.features[:n][some], strict=True)
            ]
            with transaction(self.engine) as connection:
                connection.execute(upsert, rows)

        return _rate(execute, n)

    def close(self) -> None:
        self.client.close()
        self.engine.dispose()

    def _add(self, features: Features) -> float:
        started = time.perf_counter()
        ids = self.client.add_features(self.references, features, SPACE)
        rate = self.n_rows / (time.perf_counter() - started)
        assert len(set(ids)) == self.n_rows
        return rate

    def _images(self, n: int) -> binary_copy.Ids:
        self._empty()
        values = {"collection_id": self.collection_id, "n": n}
        with transaction(self.engine) as connection:
            return np.array(connection.scalars(text(_MAKE_IMAGES), values).all(), np.int64)

    def _empty(self) -> None:
        with transaction(self.engine) as connection:
            connection.execute(
                text("TRUNCATE lookalike.images, lookalike.features, lookalike.tallies CASCADE")
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder) / "postgres") as postgres:
            migrate(postgres.url)
            print(machine())
            bench = Bench(postgres.url, given.rows)
            print(json.dumps(_measure(bench, given.rounds)))
            bench.close()


def _measure(bench: Bench, n_rounds: int) -> dict[str, float]:
    turns = [bench.write, bench.rewrite, bench.replace, bench.copy, bench.executemany]
    rounds = []
    for _ in range(n_rounds):
        rates = {turn.__name__: turn() for turn in turns}
        rounds.append(rates)
        print("  ".join(f"{name} {rate:8,.0f}" for name, rate in rates.items()) + "  rows/s")

    def over(other: str) -> float:
        return round(statistics.median(rates["write"] / rates[other] for rates in rounds), 2)

    medians = {
        f"{turn.__name__}_rows_per_s": round(
            statistics.median(rates[turn.__name__] for rates in rounds)
        )
        for turn in turns
    }
    return {**medians, "over_executemany": over("executemany"), "over_copy": over("copy")}


def _rate(write: Callable[[slice], None], n_rows: int) -> float:
    started = time.perf_counter()
    for start in range(0, n_rows, PORTION):
        write(slice(start, start + PORTION))
    return n_rows / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
