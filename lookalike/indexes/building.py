"""From nothing to a serving index, beside running searches and writers.

fit ──► filling: keys of what is there; writers add those of what they write
        ──► building: pgvector's index over the keys ──► serving; the one before is removed

Each step is committed as it is done, so a build that was broken off goes on
where it stood when it is called again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Connection, Engine, exc, text

from lookalike import tallies
from lookalike.database import transaction, translated
from lookalike.errors import Rejected, StoreUnavailable
from lookalike.indexes import objects
from lookalike.indexes.recipes import PCA_DIMENSIONS, Recipe, Transform, fit
from lookalike.indexes.records import Place, SearchIndex, find_place, read_indexes
from lookalike.indexes.removing import drop_retired
from lookalike.indexes.sampling import draw

LEAST_ROWS = 100
"""An index over fewer is refused: the axes would be fitted on nothing."""

N_FITTED = 10_000
"""Images that a transform is fitted on: 80 MB of 4,032 features, and some seconds."""

# A larger one outgrows the memory in which it is built, and then takes many times as long.
_ROWS_A_PARTITION = 20_000_000
# One transaction writes so many keys: a quarter of a second.
_PORTION = 2000
# Of pgvector's index, for each row, beside the key: links of 16 neighbours, and its tuples.
_LINKS_BYTES = 400
_LOCK_TRIES = 30
# Until it is tuned: recall@10 of 0.995 and more on EfficientNet's features of real photographs.
_EF_SEARCH = 100
_SHORTLIST: dict[Recipe, int] = {"pca": 50, "bits": 100}

_PORTION_OF_KEYS = """
    WITH portion AS MATERIALIZED (
        SELECT image_id, features FROM lookalike.features_{space_id}
        WHERE space_id = {space_id} AND collection_id = {collection_id} AND image_id > :filled_to
        ORDER BY image_id LIMIT :n
    ), written AS (
        INSERT INTO lookalike.keys_{id} (image_id, key)
        SELECT image_id, lookalike.key_{id}(features) FROM portion ORDER BY image_id
        ON CONFLICT (image_id) DO NOTHING
    )
    SELECT count(*) AS n, max(image_id) AS last FROM portion
"""

_PROGRESS = """
    SELECT coalesce(sum(tuples_done), 0), coalesce(sum(tuples_total), 0)
    FROM pg_stat_progress_create_index WHERE relid = to_regclass(:table)
"""


@dataclass(frozen=True, slots=True)
class BuildStep:
    """Where a build is: `done` of `total` rows; a total of 0 where that is not known."""

    name: Literal["fit", "keys", "index", "serving"]
    done: int = 0
    total: int = 0


Watch = Callable[[BuildStep], None]


def build_index(
    engine: Engine,
    collection: str,
    *,
    recipe: Recipe = "pca",
    dimensions: int = PCA_DIMENSIONS,
    memory_mib: int = 1024,
    watch: Watch = lambda _: None,
) -> SearchIndex:
    """Build an index for a collection, or go on with a build that was broken off; it then serves.

    Takes the place of an index that serves already, which answers until
    then. `memory_mib` bounds what Postgres builds it in. Raises
    UnknownCollection, and Rejected where there are fewer images than an
    index can be fitted on.
    """
    with transaction(engine) as connection:
        place = find_place(connection, collection)
        index = _broken_off(connection, place)
    if index is None:
        watch(BuildStep("fit"))
        index = _begin(engine, place, recipe, dimensions)
    if index.state == "filling":
        index = _fill(engine, index, watch)
    _build(engine, index, memory_mib, watch)
    index = _serve(engine, index)
    watch(BuildStep("serving"))
    drop_retired(engine)
    return index


def _broken_off(connection: Connection, place: Place) -> SearchIndex | None:
    return next(
        (
            index
            for index in read_indexes(connection, place.collection)
            if index.state in ("filling", "building") and index.space_id == place.space_id
        ),
        None,
    )


def _begin(engine: Engine, place: Place, recipe: Recipe, dimensions: int) -> SearchIndex:
    with transaction(engine) as connection:
        n_rows = tallies.count_features(connection, place.collection_id, place.space_id)
        sample = draw(connection, place.collection_id, place.space_id, n=N_FITTED)
    if len(sample) < LEAST_ROWS:
        raise Rejected(
            f"the collection {place.collection!r} has {len(sample)} images with features; an "
            f"index is fitted on {LEAST_ROWS} at least, and for so few an exact search is as "
            "fast: search without one",
            value=len(sample),
        )
    transform = fit(recipe, sample.features, dimensions=dimensions)
    with _writers_held(engine, place.space_id) as connection:
        index_id = _insert(connection, place, transform, 1 + n_rows // _ROWS_A_PARTITION)
        index = _read(connection, place.collection, index_id)
        objects.create(connection, index)
    return index


def _insert(connection: Connection, place: Place, transform: Transform, partitions: int) -> int:
    index_id = connection.execute(
        text("""
            INSERT INTO lookalike.search_indexes (collection_id, space_id, recipe, dimensions,
                partitions, n_fitted, captured, ef_search, n_shortlist)
            VALUES (:collection_id, :space_id, :recipe, :dimensions, :partitions, :n_fitted,
                :captured, :ef_search, :n_shortlist) RETURNING id
        """),
        {
            "collection_id": place.collection_id,
            "space_id": place.space_id,
            "recipe": transform.recipe,
            "dimensions": transform.dimensions,
            "partitions": partitions,
            "n_fitted": transform.n_fitted,
            "captured": transform.captured,
            "ef_search": _EF_SEARCH,
            "n_shortlist": _SHORTLIST[transform.recipe],
        },
    ).scalar_one()
    connection.execute(
        text("""
            INSERT INTO lookalike.key_axes (index_id, number, axis, origin)
            VALUES (:index_id, :number, CAST(:axis AS halfvec), :origin)
        """),
        [
            {
                "index_id": index_id,
                "number": number,
                "axis": HalfVector(axis).to_text(),
                "origin": float(origin),
            }
            for number, (axis, origin) in enumerate(
                zip(transform.axes, transform.origins.astype(np.float64), strict=True)
            )
        ],
    )
    return int(index_id)


@contextmanager
def _writers_held(engine: Engine, space_id: int) -> Iterator[Connection]:
    """A transaction that begins when no writer of the space is in the midst of one.

    Who began before would not know of the index, and after the keys were
    filled in nobody would look for what he wrote. They wait for
    milliseconds: behind a long transaction this gives way, and tries again.
    """
    for left in reversed(range(_LOCK_TRIES)):
        with transaction(engine) as connection:
            if _hold_writers(connection, space_id, is_last=left == 0):
                yield connection
                return


def _hold_writers(connection: Connection, space_id: int, *, is_last: bool) -> bool:
    connection.execute(text("SET LOCAL lock_timeout = '1s'"))
    try:
        with connection.begin_nested():
            connection.execute(
                text(f"LOCK TABLE lookalike.features_{space_id} IN SHARE ROW EXCLUSIVE MODE")
            )
    except exc.OperationalError:
        if is_last:
            raise
        return False
    return True


def _fill(engine: Engine, index: SearchIndex, watch: Watch) -> SearchIndex:
    with transaction(engine) as connection:
        total = tallies.count_features(connection, index.collection_id, index.space_id)
    statement = text(
        _PORTION_OF_KEYS.format(
            id=index.id, space_id=index.space_id, collection_id=index.collection_id
        )
    )
    done = 0
    while True:
        with transaction(engine) as connection:
            portion = connection.execute(
                statement, {"filled_to": index.filled_to, "n": _PORTION}
            ).one()
            if portion.n == 0:
                index = replace(index, state="building")
            else:
                index = replace(index, filled_to=portion.last)
            connection.execute(
                text("""
                    UPDATE lookalike.search_indexes SET filled_to = :filled_to, state = :state
                    WHERE id = :id
                """),
                {"id": index.id, "filled_to": index.filled_to, "state": index.state},
            )
        if index.state == "building":
            return index
        done += portion.n
        watch(BuildStep("keys", done, max(done, total)))


def _build(engine: Engine, index: SearchIndex, memory_mib: int, watch: Watch) -> None:
    for (name, statement), table in zip(
        objects.index_statements(index).items(), objects.tables(index), strict=True
    ):
        with ThreadPoolExecutor(1) as aside:
            building = aside.submit(_create, engine, name, statement, table, memory_mib)
            _watch_build(engine, building, table, watch)
            building.result()


def _create(engine: Engine, name: str, statement: str, table: str, memory_mib: int) -> None:
    outside = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with translated(), outside as connection:
        is_broken = connection.scalar(
            text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"),
            {"name": name},
        )
        if is_broken:
            connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
        wanted = _memory_mib(connection, table)
        connection.execute(text(f"SET maintenance_work_mem = '{min(wanted, memory_mib)}MB'"))
        connection.execute(text(statement))
        connection.execute(text("RESET maintenance_work_mem"))
        # The counts that searches with filters reckon with.
        connection.execute(text(f"ANALYZE {table}"))


def _memory_mib(connection: Connection, table: str) -> int:
    n_bytes = connection.scalar(
        text(f"""
            SELECT count(*) * (coalesce(max(pg_column_size(key)), 0) + {_LINKS_BYTES})
            FROM {table}
        """)
    )
    return 64 + int(n_bytes or 0) // 2**20


def _watch_build(engine: Engine, building: Future[None], table: str, watch: Watch) -> None:
    while not building.done():
        with transaction(engine) as connection:
            done, total = connection.execute(text(_PROGRESS), {"table": table}).one()
        watch(BuildStep("index", int(done), int(total)))
        time.sleep(0.5)


def _serve(engine: Engine, index: SearchIndex) -> SearchIndex:
    """In one transaction: a search sees the index before, or this one."""
    with transaction(engine) as connection:
        objects.make_search(connection, index)
        if index.partitions > 1:
            connection.execute(text(f"ANALYZE lookalike.keys_{index.id}"))
        connection.execute(
            text("""
                UPDATE lookalike.search_indexes SET state = 'retired'
                WHERE collection_id = :collection_id AND space_id = :space_id
                    AND state = 'serving'
            """),
            {"collection_id": index.collection_id, "space_id": index.space_id},
        )
        n_made = connection.execute(
            text("""
                UPDATE lookalike.search_indexes SET state = 'serving', serving_at = now()
                WHERE id = :id AND state = 'building'
            """),
            {"id": index.id},
        ).rowcount
        if n_made != 1:
            raise StoreUnavailable(
                f"index {index.id} was dropped while it was built: build it again"
            )
        return _read(connection, index.collection, index.id)


def _read(connection: Connection, collection: str, index_id: int) -> SearchIndex:
    return next(one for one in read_indexes(connection, collection) if one.id == index_id)
