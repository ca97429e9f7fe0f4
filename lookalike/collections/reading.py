"""Collections as their owners see them: what is in each, who embeds it, what is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict

from sqlalchemy import Connection, text

from lookalike.database.naming import ensure_collection, unknown_collection
from lookalike.queue import controls, limits

# From the tallies: a collection of a hundred million images costs no more than an empty one.
_COLLECTIONS = """
    SELECT c.name, coalesce(t.n_images, 0) AS n_images, coalesce(t.n_embedded, 0) AS n_embedded,
        s.encoder, s.encoder || '@' || left(s.digest, 12) AS space, s.trained AS is_trained,
        c.created_at, o.paused, o.max_open
    FROM lookalike.collections c
    LEFT JOIN lookalike.feature_spaces s ON s.id = c.space_id
    LEFT JOIN lookalike.controls o ON o.collection_id = c.id
    LEFT JOIN LATERAL (
        SELECT (sum(n) FILTER (WHERE what = 'image'))::bigint AS n_images,
            (sum(n) FILTER (WHERE what = 'features' AND space_id = c.space_id))::bigint
                AS n_embedded
        FROM lookalike.tallies WHERE collection_id = c.id
    ) t ON true
"""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection; `encoder`, `space` and `is_trained` are None before its first worker.

    `n_embedded` of its `n_images` have features in its feature space.
    `paused` is `bulk`, `all` or None, and `max_open` its own limit of open
    jobs; what is asked for all collections together is not in them.
    """

    name: str
    n_images: int
    n_embedded: int
    encoder: str | None
    space: str | None
    is_trained: bool | None
    created_at: datetime
    paused: str | None
    max_open: int | None


class Asked(TypedDict, total=False):
    """What is asked for a collection; what is left out stays as it is."""

    paused: Literal["bulk", "all"] | None
    max_open: int | None


def list_collections(connection: Connection) -> list[Collection]:
    """All of them, by name."""
    rows = connection.execute(text(_COLLECTIONS + "ORDER BY c.name"))
    return [Collection(**row._asdict()) for row in rows]


def read_collection(connection: Connection, name: str) -> Collection:
    """One of them; raises UnknownCollection."""
    row = connection.execute(text(_COLLECTIONS + "WHERE c.name = :name"), {"name": name}).first()
    if row is None:
        raise unknown_collection(connection, name)
    return Collection(**row._asdict())


def configure(connection: Connection, name: str, asked: Asked) -> bool:
    """Make a collection where it does not exist, and do what is asked; whether it was made.

    `paused` is then exactly this, whatever it was before.
    """
    is_there = connection.scalar(
        text("SELECT EXISTS (SELECT FROM lookalike.collections WHERE name = :name)"),
        {"name": name},
    )
    collection_id, _ = ensure_collection(connection, name)
    if "paused" in asked:
        controls.resume(connection, collection_id)
        if asked["paused"] is not None:
            controls.pause(connection, collection_id, all_lanes=asked["paused"] == "all")
    if "max_open" in asked:
        limits.set_limit(connection, collection_id, asked["max_open"])
    return not is_there
