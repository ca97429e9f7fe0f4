"""From nothing to a serving index, beside running searches and writers.

begin ──► filling: keys of what is there; writers add those of what they write
        ──► building: pgvector's index over the keys ──► serving; the one before is removed

Each step is committed as it is done, so a build that was broken off goes on
where it stood when it is called again.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, Engine, text

from lookalike.database import tallies, transaction
from lookalike.errors import StoreUnavailable, Unavailable
from lookalike.indexes import objects
from lookalike.indexes.alone import alone
from lookalike.indexes.beginning import begin
from lookalike.indexes.creating import BuildStep, Watch, create_watched
from lookalike.indexes.recipes import PCA_DIMENSIONS, Wish
from lookalike.indexes.records import (
    Place,
    SearchIndex,
    State,
    find_place,
    read_index,
    read_indexes,
)
from lookalike.indexes.removing import drop_retired

# One transaction writes so many keys: a quarter of a second.
_PORTION = 2000

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


def build_index(  # noqa: PLR0913 - where, what kind, and within which bounds
    engine: Engine,
    collection: str,
    *,
    recipe: Wish = "auto",
    dimensions: int | None = None,
    memory_mib: int = 1024,
    space_id: int | None = None,
    watch: Watch = lambda _: None,
) -> SearchIndex:
    """Build an index for a collection, or go on with a build that was broken off; it then serves.

    Takes the place of an index that serves already, which answers until
    then. In the feature space that serves, or in another, before that one
    does. `memory_mib` bounds what Postgres builds it in. Whatever `watch`
    raises breaks the build off. Raises UnknownCollection, Rejected where
    there are fewer images than an index can be fitted on, and Unavailable
    while another process builds one.
    """
    with transaction(engine) as connection:
        place = find_place(connection, collection)
        if space_id is not None:
            place = replace(place, space_id=space_id)
    with alone(engine, "lookalike.index", place.collection_id) as is_mine:
        if not is_mine:
            raise Unavailable(
                f"another process builds an index of {collection!r}: "
                "`lookalike index status` shows how far it is",
                value=collection,
            )
        index = _broken_off(engine, place, recipe, dimensions)
        if index is None:
            watch(BuildStep("fit"))
            index = begin(engine, place, recipe, dimensions or PCA_DIMENSIONS)
        if index.state == "filling":
            index = _fill(engine, index, watch)
        _build(engine, index, memory_mib, watch)
        index = _serve(engine, index)
    watch(BuildStep("serving"))
    drop_retired(engine)
    return index


def _broken_off(
    engine: Engine, place: Place, recipe: Wish, dimensions: int | None
) -> SearchIndex | None:
    """What a build of the same kind has left; one of another kind is given up."""
    with transaction(engine) as connection:
        unfinished = [
            index
            for index in read_indexes(connection, place.collection)
            if index.state in ("filling", "building") and index.space_id == place.space_id
        ]
        same = [
            index
            for index in unfinished
            if recipe in ("auto", index.recipe)
            and (index.recipe == "bits" or dimensions in (None, index.dimensions))
        ]
        for index in unfinished:
            if index not in same[:1]:
                _set_state(connection, index, "retired")
    return same[0] if same else None


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
            _hold(connection, index)
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
        create_watched(
            engine, statement, name=name, table=table, memory_mib=memory_mib, watch=watch
        )


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
            raise _dropped(index)
        return read_index(connection, index.collection, index.id)


def _hold(connection: Connection, index: SearchIndex) -> None:
    is_there = connection.scalar(
        text("""
            SELECT true FROM lookalike.search_indexes WHERE id = :id AND state = :state FOR UPDATE
        """),
        {"id": index.id, "state": index.state},
    )
    if not is_there:
        raise _dropped(index)


def _set_state(connection: Connection, index: SearchIndex, state: State) -> None:
    connection.execute(
        text("UPDATE lookalike.search_indexes SET state = :state WHERE id = :id"),
        {"id": index.id, "state": state},
    )


def _dropped(index: SearchIndex) -> StoreUnavailable:
    return StoreUnavailable(f"index {index.id} was dropped while it was built: build it again")
