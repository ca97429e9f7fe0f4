"""The rows of `maps` and `map_points`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from lookalike.database import tallies
from lookalike.database.naming import find_collection
from lookalike.errors import UnknownMap

# A day's worth of most collections, and some milliseconds.
_MOST_COUNTED = 10_000

_READ = """
    SELECT c.name AS collection, s.encoder || '@' || left(s.digest, 12) AS space, m.requested_at,
        m.error, m.made_at, c.space_id AS serving,
        (SELECT count(*) FROM lookalike.map_points WHERE collection_id = c.id) AS n_points
    FROM lookalike.collections c
    JOIN lookalike.maps m ON m.collection_id = c.id
    LEFT JOIN lookalike.feature_spaces s ON s.id = m.space_id
    WHERE c.id = :id
"""
# From the newest back, and not by time: no index has that.
_ADDED = """
    WITH newest AS MATERIALIZED (
        SELECT image_id FROM lookalike.features
        WHERE space_id = :space_id AND collection_id = :collection_id
        ORDER BY image_id DESC LIMIT :most
    )
    SELECT count(*) FROM newest n JOIN lookalike.images i ON i.id = n.image_id
    WHERE i.created_at > :made_at
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
    `made_at`, the time as of which it shows the collection, before the
    first. `error` tells why the last try failed. Of `n_images` that are
    embedded now, `n_points` are on the map, and `n_added` were added since
    it was made, counted up to 10,000.
    """

    collection: str
    space: str | None
    requested_at: datetime | None
    error: str | None
    made_at: datetime | None
    n_points: int
    n_images: int
    n_added: int


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
    collection_id = find_collection(connection, collection)
    row = connection.execute(text(_READ), {"id": collection_id}).one_or_none()
    if row is None:
        raise UnknownMap(
            f"collection {collection!r} has no map, and none was asked for: POST to its map, or "
            "run `lookalike map`",
            value=collection,
        )
    place = {"collection_id": collection_id, "space_id": row.serving}
    return CollectionMap(
        collection=row.collection,
        space=row.space,
        requested_at=row.requested_at,
        error=row.error,
        made_at=row.made_at,
        n_points=row.n_points,
        n_images=tallies.count_features(connection, **place) if row.serving else 0,
        n_added=_count_added(connection, **place, made_at=row.made_at) if row.made_at else 0,
    )


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


def _count_added(
    connection: Connection, *, collection_id: int, space_id: int, made_at: datetime
) -> int:
    chosen = {"collection_id": collection_id, "space_id": space_id}
    counted = connection.scalar(text(_ADDED), {**chosen, "made_at": made_at, "most": _MOST_COUNTED})
    return int(counted or 0)
