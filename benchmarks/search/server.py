"""A Postgres of its own for each approach, with room for its rows and indexes in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from lookalike.local.postgres import embedded_postgres

_MIB = 2**20


@contextmanager
def postgres(n_bytes: int) -> Iterator[str]:
    """The URL of an empty database that keeps `n_bytes` of rows and indexes in memory."""
    settings = {
        "shared_buffers": f"{256 + n_bytes * 5 // 4 // _MIB}MB",
        # An HNSW graph that outgrows this takes many times as long to build.
        "maintenance_work_mem": f"{256 + n_bytes // _MIB}MB",
        "max_wal_size": "8GB",
    }
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder) / "postgres", settings=settings) as server:
            yield server.url


def run(url: str, *statements: str) -> int:
    """Run statements, each by itself; the first number of the last one's answer, or 0."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    connection.close()
    return int(row[0]) if row else 0
