"""What it costs to send features as text: written in Python, and read by Postgres.

    python -m benchmarks.halfvec_text [--dimensions 4032] [--rounds 300]

`repr` of each number, as pgvector's HalfVector writes them, and lookalike's. The fastest of the
rounds, in milliseconds, since other work on the machine only adds; reading is the round trip of
`SELECT vector_dims(…)`, less that of the same text unread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg2
from pgvector import HalfVector

from benchmarks.machine import machine
from lookalike.local.postgres import embedded_postgres
from lookalike.store.halfvec_text import halfvec_text
from lookalike_migrations import migrate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimensions", type=int, default=4032)
    parser.add_argument("--rounds", type=int, default=300)
    given = parser.parse_args()
    pooled = np.maximum(np.random.default_rng(0).normal(size=given.dimensions), 0)
    features = pooled.astype(np.float32)
    writers: dict[str, Callable[[], str]] = {
        "repr": lambda: str(HalfVector(features).to_text()),
        "lookalike": lambda: halfvec_text(features),
    }
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres", durable=False) as postgres:
            migrate(postgres.url)
            print(machine())
            for way, write in writers.items():
                print(json.dumps({"way": way, **_measure(postgres.url, write, given.rounds)}))


def _measure(database_url: str, write: Callable[[], str], n_rounds: int) -> dict[str, float]:
    text = write()  # the first one makes the table of texts
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        unread = _fastest_ms(lambda: cursor.execute("SELECT length(%s)", (text,)), n_rounds)
        read = _fastest_ms(
            lambda: cursor.execute("SELECT vector_dims(CAST(%s AS halfvec))", (text,)), n_rounds
        )
    return {
        "bytes": len(text),
        "write_ms": round(_fastest_ms(write, n_rounds), 3),
        "read_ms": round(read - unread, 3),
        "round_trip_ms": round(read, 3),
    }


def _fastest_ms(act: Callable[[], object], n_rounds: int) -> float:
    fastest_s = float("inf")
    for _ in range(n_rounds):
        start = time.perf_counter()
        act()
        fastest_s = min(fastest_s, time.perf_counter() - start)
    return fastest_s * 1000


if __name__ == "__main__":
    main()
