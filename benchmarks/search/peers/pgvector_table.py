"""pgvector by hand: the exact scan, and the index that its documentation suggests for many numbers.

Both search a table as one would write it for speed: halfvec, in line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import psycopg2

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.rows import Rows
from benchmarks.search.rows_in import copy_in
from benchmarks.search.server import postgres, run
from lookalike.features import Features
from lookalike.store.halfvec_text import halfvec_text

_TABLE = """
    CREATE EXTENSION vector;
    CREATE TABLE peer_rows (id bigint PRIMARY KEY, features halfvec NOT NULL);
    ALTER TABLE peer_rows ALTER features SET STORAGE PLAIN
"""
_INDEXED = 4000  # the most that an index on halfvec takes


class PgvectorScan:
    """Every row's distance, by as many processes as Postgres likes."""

    name = "exact scan, halfvec in line"
    is_database = True
    efforts: Sequence[Effort] = ((),)

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._url = ""

    def build(self, rows: Rows) -> Built:
        self._url = self._stack.enter_context(postgres(rows.nbytes))
        seconds = seconds_of(lambda: _load(self._url, rows))
        return Built(seconds, 0, run(self._url, "SELECT pg_total_relation_size('peer_rows')"))

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        del effort  # there is only one
        query = "SELECT id FROM peer_rows ORDER BY features <=> $1 LIMIT $2"
        with _prepared(self._url, query) as search:
            yield search

    def close(self) -> None:
        self._stack.close()


class PgvectorSubvector:
    """HNSW on the first 4,000 numbers, or on all of fewer; answers are reranked exactly."""

    name = "pgvector, HNSW on subvector"
    is_database = True
    efforts: Sequence[Effort] = ((20,), (40,), (60,), (100,), (200,), (400,))

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._url = ""
        self._n = _INDEXED

    def build(self, rows: Rows) -> Built:
        # The index holds a row a page, and its links; the rows are as large again.
        self._url = self._stack.enter_context(postgres(3 * rows.nbytes))
        _load(self._url, rows)
        self._n = min(_INDEXED, rows.shape[1])
        key = self._key("features")
        index = (
            f"CREATE INDEX peer_hnsw ON peer_rows USING hnsw (({key}) halfvec_cosine_ops) "
            "WITH (ef_construction = 128)"
        )
        seconds = seconds_of(lambda: run(self._url, index))
        n_bytes = run(self._url, "SELECT pg_relation_size('peer_hnsw')")
        table = run(self._url, "SELECT pg_total_relation_size('peer_rows')") - n_bytes
        return Built(seconds, n_bytes, table)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        (ef_search,) = effort
        query = f"""
            SELECT id FROM (
                SELECT id, features FROM peer_rows
                ORDER BY {self._key("features")} <=> {self._key("$1")} LIMIT 20
            ) AS shortlist ORDER BY features <=> $1 LIMIT $2
        """
        settings = (f"SET hnsw.ef_search = {ef_search}", "SET enable_seqscan = off")
        with _prepared(self._url, query, *settings) as search:
            yield search

    def close(self) -> None:
        self._stack.close()

    def _key(self, features: str) -> str:
        return f"subvector({features}, 1, {self._n})::halfvec({self._n})"


def _load(url: str, rows: Rows) -> None:
    run(url, _TABLE)
    copy_in(url, "peer_rows", [np.arange(len(rows))], rows)
    run(url, "VACUUM ANALYZE peer_rows")


@contextmanager
def _prepared(url: str, query: str, *settings: str) -> Iterator[Search[Features]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        # Planned once, as our own searches are.
        for statement in (*settings, "SET plan_cache_mode = force_generic_plan"):
            cursor.execute(statement)
        cursor.execute(f"PREPARE search (halfvec, int) AS {query}")

        def search(features: Features, k: int) -> Sequence[int]:
            cursor.execute("EXECUTE search (%s, %s)", (halfvec_text(features), k))
            return [number for (number,) in cursor.fetchall()]

        yield search
    connection.close()
