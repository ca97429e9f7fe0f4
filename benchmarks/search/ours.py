"""This project: its tables and its index, asked through the SQL functions that users call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import psycopg2
from sqlalchemy import Engine, text

from benchmarks.search.approach import Built, Effort, Search, seconds_of
from benchmarks.search.filters import sets_of_rows
from benchmarks.search.rows import Rows
from benchmarks.search.rows_in import copy_in
from benchmarks.search.server import postgres, run
from lookalike import store
from lookalike.database import open_engine, transaction
from lookalike.features import Features, FeatureSpace
from lookalike.indexes import EFFORTS, Recipe, SearchIndex, build_index, objects
from lookalike.store.halfvec_text import halfvec_text
from lookalike_migrations import migrate

_COLLECTION = "rows"

_IMAGES = """
    INSERT INTO lookalike.images (collection_id, reference, metadata)
    SELECT :collection_id, 'https://example.org/' || m.n || '.jpg',
        jsonb_build_object('in', m.sets)
    FROM jsonb_array_elements(CAST(:sets AS jsonb)) WITH ORDINALITY AS m (sets, n) ORDER BY m.n
"""
_BY_FEATURES = "SELECT image_id FROM nearest_images(%s::halfvec, 'rows', %s)"
_BY_IMAGE = "SELECT image_id FROM nearest_images(%s::bigint, %s)"
_FILTERED = "SELECT image_id FROM nearest_images(%s::halfvec, 'rows', %s, filter => %s)"


_Execute = Callable[..., Sequence[int]]


class Ours:
    """A collection with an index of one recipe; row n is image n + 1."""

    is_database = True
    # The first looks at fewer rows than searches ever do.
    efforts: Sequence[Effort] = tuple((e.ef_search, e.n_shortlist) for e in EFFORTS[1:])

    def __init__(self, recipe: Recipe) -> None:
        self.name = f"lookalike, {recipe}"
        self._recipe = recipe
        self._stack = ExitStack()
        self._url = ""
        self._engine: Engine | None = None
        self._index: SearchIndex | None = None

    def build(self, rows: Rows) -> Built:
        self._url = self._stack.enter_context(postgres(3 * rows.nbytes // 2))
        migrate(self._url)
        self._engine = open_engine(self._url)
        self._stack.callback(self._engine.dispose)
        space_id = _load(self._engine, self._url, rows)
        seconds = seconds_of(self._build_index)
        table = run(self._url, f"SELECT pg_total_relation_size('lookalike.features_{space_id}')")
        index = self._bytes("index")
        return Built(seconds, index, table, self._bytes("all") - index)

    @contextmanager
    def client(self, effort: Effort) -> Iterator[Search[Features]]:
        with self._ask(effort, _BY_FEATURES) as execute:
            yield lambda features, k: execute(halfvec_text(features), k)

    @contextmanager
    def client_by_image(self, effort: Effort) -> Iterator[Search[int]]:
        """Asks by the number of a stored row, which is left out of its own answer."""
        with self._ask(effort, _BY_IMAGE) as execute:
            yield lambda row, k: execute(row + 1, k)

    @contextmanager
    def client_with_filter(self, effort: Effort, name: str) -> Iterator[Search[Features]]:
        """Asks among the rows of a set of `filters` only."""
        only = json.dumps({"in": [name]})
        with self._ask(effort, _FILTERED) as execute:
            yield lambda features, k: execute(halfvec_text(features), k, only)

    def close(self) -> None:
        self._stack.close()

    def _build_index(self) -> None:
        assert self._engine is not None
        self._index = build_index(self._engine, _COLLECTION, recipe=self._recipe)

    def _bytes(self, of: str) -> int:
        """Of the index, or of the table of keys with all of its indexes."""
        assert self._index is not None
        sizes = {"index": "pg_relation_size('{}_key_idx')", "all": "pg_total_relation_size('{}')"}
        return sum(
            run(self._url, f"SELECT {sizes[of].format(table)}")
            for table in objects.tables(self._index)
        )

    @contextmanager
    def _ask(self, effort: Effort, query: str) -> Iterator[_Execute]:
        self._set(effort)
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        with connection.cursor() as cursor:

            def execute(*values: object) -> Sequence[int]:
                cursor.execute(query, values)
                return [image_id - 1 for (image_id,) in cursor.fetchall()]

            yield execute
        connection.close()

    def _set(self, effort: Effort) -> None:
        """As `lookalike index tune` does, but to a certain effort."""
        index, engine = self._index, self._engine
        assert index is not None
        assert engine is not None
        if (index.ef_search, index.n_shortlist) == effort:
            return
        self._index = index = replace(index, ef_search=effort[0], n_shortlist=effort[1])
        with transaction(engine) as connection:
            objects.make_search(connection, index)
            connection.execute(
                text("UPDATE lookalike.search_indexes SET ef_search = :ef, n_shortlist = :n"),
                {"ef": effort[0], "n": effort[1]},
            )


def _load(engine: Engine, url: str, rows: Rows) -> int:
    """Images and features in a collection; gives the feature space's id there."""
    n, dimensions = rows.shape
    space = FeatureSpace("benchmark", "0" * 64, dimensions, trained=False)
    with transaction(engine) as connection:
        space_id = store.register_space(connection, space)
        collection_id = connection.execute(
            text("""
                INSERT INTO lookalike.collections (name, space_id) VALUES (:name, :space_id)
                RETURNING id
            """),
            {"name": _COLLECTION, "space_id": space_id},
        ).scalar_one()
        sets = json.dumps(sets_of_rows(n))
        connection.execute(text(_IMAGES), {"collection_id": collection_id, "sets": sets})
    columns = [np.full(n, i, np.int32) for i in (space_id, collection_id)]
    table = "lookalike.features (space_id, collection_id, image_id, features)"
    copy_in(url, table, [*columns, np.arange(1, n + 1)], rows)
    run(url, "VACUUM ANALYZE lookalike.images", f"VACUUM ANALYZE lookalike.features_{space_id}")
    return space_id
