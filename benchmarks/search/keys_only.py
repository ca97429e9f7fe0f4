"""The shortlist alone, over keys without their features: as many rows as memory would not hold.

A million rows of features are 8 GB; their keys are a fiftieth of that. The
index is the one that `lookalike index build` makes, and the search is its
first step; the second, the exact order of a shortlist, looks at the same
number of features however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import numpy as np
import psycopg2

from benchmarks.search.approach import Effort, Search
from benchmarks.search.dataset import N_QUERIES
from benchmarks.search.measuring import K, least_effort
from benchmarks.search.rows import Rows
from benchmarks.search.rows_in import copy_in
from benchmarks.search.server import postgres, run
from benchmarks.search.synthetic import fresh_rows, made_rows
from benchmarks.search.turns import Side
from lookalike.features import Features
from lookalike.indexes import SearchIndex, objects
from lookalike.indexes.recipes import PCA_DIMENSIONS, Transform, fit, unit

ONE_EFFORT: Effort = (64, 40)
"""The same for all, of those below: what longer keys of more rows cost by themselves."""

_EFFORTS: tuple[Effort, ...] = tuple(
    (ef_search, 40) for ef_search in (40, 64, 100, 150, 200, 300, 400)
)
_N_FITTED = 20_000
_PORTION = 10_000


@contextmanager
def keys_alone(n_rows: int) -> Iterator[tuple[Side[Features], Side[Features]]]:
    """Make rows, keep their keys alone and index them; the search gives a whole shortlist.

    Two sides: at ONE_EFFORT, and at the least that suffices. Their recall is
    the share of the ten nearest that are on the list.
    """
    transform, keys = _keys_of(n_rows)
    queries = _apply(transform, fresh_rows(N_QUERIES, of=n_rows)).astype(np.float32)
    nearest = _nearest(keys, queries, K)
    index = _index_of(n_rows)
    (table,) = objects.tables(index)
    with postgres(4 * keys.nbytes + n_rows * 256) as url:
        run(
            url,
            "CREATE EXTENSION IF NOT EXISTS vector",
            "CREATE SCHEMA lookalike",
            f"CREATE TABLE {table} (image_id bigint PRIMARY KEY, "
            f"key {objects.key_type(index)} NOT NULL)",
        )
        copy_in(url, f"{table} (image_id, key)", [np.arange(n_rows)], keys)
        run(url, *objects.index_statements(index).values(), f"VACUUM ANALYZE {table}")
        del keys
        client, asked = partial(_asking, url, table), list(queries)
        least = least_effort(client, _EFFORTS, asked, nearest)
        with client(ONE_EFFORT) as hasty, client(least) as search:
            yield (
                Side(n_rows, ONE_EFFORT, hasty, asked, nearest),
                Side(n_rows, least, search, asked, nearest),
            )


def _keys_of(n_rows: int) -> tuple[Transform, Rows]:
    """What makes keys of features, fitted on the first of the rows, and the keys of all."""
    parts = made_rows(n_rows)
    held = []
    for _, part in parts:
        held.append(part)
        if sum(map(len, held)) >= _N_FITTED:
            break
    sample = np.concatenate(held)
    transform = fit("pca", sample)
    keys = np.empty((n_rows, PCA_DIMENSIONS), np.float16)
    keys[: len(sample)] = _apply(transform, sample)
    for start, part in parts:
        keys[start : start + len(part)] = _apply(transform, part)
    return transform, keys


def _apply(transform: Transform, features: Features) -> Rows:
    keys: Rows = (unit(features) @ transform.axes.T - transform.origins).astype(np.float16)
    return keys


def _nearest(keys: Rows, queries: Features, n: int) -> list[list[int]]:
    """The numbers of the n keys nearest to each query, by Euclidean distance."""
    distances = np.empty((len(queries), len(keys)), np.float32)
    for start in range(0, len(keys), _PORTION):
        part = keys[start : start + _PORTION].astype(np.float32)
        # Without the query's own square, which changes no order.
        distances[:, start : start + len(part)] = np.square(part).sum(axis=1) - 2 * queries @ part.T
    best = np.argpartition(distances, n, axis=1)[:, :n]
    return [row.tolist() for row in best]


@contextmanager
def _asking(url: str, table: str, effort: Effort) -> Iterator[Search[Features]]:
    ef_search, n_shortlist = effort
    connection = psycopg2.connect(url)
    connection.autocommit = True
    query = f"SELECT image_id FROM {table} ORDER BY key <-> %s::halfvec LIMIT {n_shortlist}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET hnsw.ef_search = {int(ef_search)}")

        def search(key: Features, _: int) -> list[int]:
            # Not scaled, as features are sent for a cosine: keys have lengths.
            cursor.execute(query, (f"[{','.join(map(str, key.tolist()))}]",))
            return [number for (number,) in cursor.fetchall()]

        yield search
    connection.close()


def _index_of(n_rows: int) -> SearchIndex:
    """What the product would write down of such an index."""
    return SearchIndex(
        id=1,
        collection_id=1,
        collection="rows",
        space_id=1,
        space="benchmark",
        n_features=4032,
        recipe="pca",
        dimensions=PCA_DIMENSIONS,
        partitions=1,
        state="building",
        filled_to=n_rows,
        n_fitted=_N_FITTED,
        captured=1.0,
        ef_search=ONE_EFFORT[0],
        n_shortlist=ONE_EFFORT[1],
        recall_target=None,
        recall=None,
        recall_k=None,
        n_sampled=None,
        measured_at=None,
        created_at=datetime.now(UTC),
        serving_at=None,
    )
