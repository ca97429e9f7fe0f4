"""The rows of `maps` and `map_points`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from lookalike.database.naming import find_collection
from lookalike.errors import UnknownMap

_READ = """
    SELECT c.name AS collection, s.encoder || '@' || left(s.digest, 12) AS space, m.requested_at,
        m.error, m.made_at,
        (SELECT count(*) FROM lookalike.map_points WHERE collection_id = c.id) AS n_points
    FROM lookalike.collections c
    JOIN lookalike.maps m ON m.collection_id = c.id
    LEFT JOIN lookalike.feature_spaces s ON s.id = m.space_id
    WHERE c.id = :id
"""
_POINTS = """
    SELECT image_id, x, y FROM lookalike.map_points WHERE collection_id = :id ORDER BY image_id
"""
_WANTED = """
    SELECT c.id, c.name FROM lookalike.maps m JOIN lookalike.collections c ON c.id = m.collection_id
    WHERE m.requested_at IS NOT NULL ORDER BY m.requested_at
"""
_REQUEST = """
    INSERT INTO lookalike.maps AS m (collection_id, requested_at) VALUES (:id, now())
    ON CONFLICT (collection_id) DO UPDATE
        SET requested_at = coalesce(m.requested_at, now()), error = NULL
"""
_FAIL = """
    UPDATE lookalike.maps SET requested_at = NULL, error = :error WHERE collection_id = :id
"""


@dataclass(frozen=True, slots=True)
class CollectionMap:
    """How a collection's map stands: the one that was made last, and whether another is wanted.

    `space` names the feature space that it was made of; None, like
    `made_at`, before the first. `error` tells why the last try failed.
    """

    collection: str
    space: str | None
    requested_at: datetime | None
    error: str | None
    made_at: datetime | None
    n_points: int


@dataclass(frozen=True, slots=True)
class MapPoint:
    """Where an image lies, both from 0 to 1."""

    image_id: int
    x: float
    y: float


def request_map(connection: Connection, collection: str) -> None:
    """Have a map made by upkeep; doing it again changes nothing. Raises UnknownCollection."""
    connection.execute(text(_REQUEST), {"id": find_collection(connection, collection)})


def read_map(connection: Connection, collection: str) -> CollectionMap:
    """How a collection's map stands.

    Raises UnknownCollection, and UnknownMap where none was ever asked for.
    """
    chosen = {"id": find_collection(connection, collection)}
    row = connection.execute(text(_READ), chosen).one_or_none()
    if row is None:
        raise UnknownMap(
            f"collection {collection!r} has no map, and none was asked for: POST to its map, or "
            "run `lookalike map`",
            value=collection,
        )
    return CollectionMap(*row)


def read_points(connection: Connection, collection: str) -> list[MapPoint]:
    """The points of a collection's map, by image id; none before the first map is made."""
    chosen = {"id": find_collection(connection, collection)}
    return [MapPoint(*row) for row in connection.execute(text(_POINTS), chosen)]


def wanted_maps(connection: Connection) -> dict[int, str]:
    """The collections whose maps are wanted, names by ids, in the order of asking."""
    return {row.id: row.name for row in connection.execute(text(_WANTED))}


def fail_map(connection: Connection, collection_id: int, error: str) -> None:
    """Keep why a map could not be made; it is not tried again until it is asked for."""
    connection.execute(text(_FAIL), {"id": collection_id, "error": error})
