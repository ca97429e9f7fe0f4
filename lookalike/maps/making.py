"""Maps are made by upkeep: some of the collection's images, their layout, one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.errors import Misconfigured, Rejected
from lookalike.indexes.alone import alone
from lookalike.indexes.records import Place, find_place
from lookalike.indexes.sampling import Sample, draw
from lookalike.maps.projecting import Points, check_projection, project
from lookalike.maps.records import CollectionMap, fail_map, read_map, request_map, wanted_maps

MOST_POINTS = 10_000
"""On a map; more could not be told apart, and would take minutes."""

_POINTS = """
    INSERT INTO lookalike.map_points (image_id, collection_id, x, y)
    SELECT g.image_id, :collection_id, g.x, g.y
    FROM unnest(CAST(:ids AS bigint[]), CAST(:xs AS real[]), CAST(:ys AS real[]))
        AS g (image_id, x, y)
    -- Some may have been erased meanwhile.
    JOIN lookalike.images i ON i.id = g.image_id
"""
_MADE = """
    UPDATE lookalike.maps
    SET requested_at = NULL, error = NULL, made_at = :taken_at, space_id = :space
    WHERE collection_id = :id
"""

log = structlog.get_logger()


def make_map(engine: Engine, collection: str) -> CollectionMap:
    """Lay a collection out now, in place of the map before; of a large one, some images.

    The same images give the same map. Raises UnknownCollection, Rejected where
    nothing has been embedded, Misconfigured where `lookalike[map]` is not
    installed.
    """
    check_projection()
    with transaction(engine) as connection:
        # What is added while the map is made is not on it.
        taken_at = connection.scalar(text("SELECT now()"))
        place = find_place(connection, collection)
        sample = draw(connection, place.collection_id, place.space_id, n=MOST_POINTS)
    points = project(sample.features)
    with transaction(engine) as connection:
        request_map(connection, collection)
        _keep(connection, place, sample, points)
        made = {"id": place.collection_id, "space": place.space_id, "taken_at": taken_at}
        connection.execute(text(_MADE), made)
        return read_map(connection, collection)


def make_wanted(engine: Engine) -> Iterator[CollectionMap]:
    """Make the maps that were asked for, one after another; one that fails keeps the reason."""
    with transaction(engine) as connection:
        wanted = wanted_maps(connection)
    for collection_id, name in wanted.items():
        with alone(engine, "lookalike.map", collection_id) as is_mine:
            if not is_mine:
                continue
            try:
                yield make_map(engine, name)
            except (Rejected, Misconfigured) as error:
                log.warning("map not made", collection=name, error=str(error))
                with transaction(engine) as connection:
                    fail_map(connection, collection_id, str(error))


def _keep(connection: Connection, place: Place, sample: Sample, points: Points) -> None:
    connection.execute(
        text("DELETE FROM lookalike.map_points WHERE collection_id = :id"),
        {"id": place.collection_id},
    )
    connection.execute(
        text(_POINTS),
        {
            "collection_id": place.collection_id,
            "ids": sample.image_ids.tolist(),
            "xs": points[:, 0].tolist(),
            "ys": points[:, 1].tolist(),
        },
    )
