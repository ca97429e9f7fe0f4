"""Collections by their names: their ids, a new one where it is missing, or what to say."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lookalike.errors import Rejected, UnknownCollection

# A new collection serves the feature space of the worker that was seen last.
_COLLECTION = """
    WITH made AS (
        INSERT INTO lookalike.collections (name, space_id)
        SELECT :name, (SELECT space_id FROM lookalike.workers ORDER BY last_seen DESC LIMIT 1)
        WHERE NOT EXISTS (SELECT FROM lookalike.collections WHERE name = :name)
        ON CONFLICT (name) DO NOTHING
        RETURNING id, space_id
    )
    SELECT id, space_id FROM made
    UNION ALL SELECT id, space_id FROM lookalike.collections WHERE name = :name
"""


def find_collection(connection: Connection, name: str) -> int:
    """A collection's id; raises UnknownCollection."""
    found = connection.scalar(
        text("SELECT id FROM lookalike.collections WHERE name = :name"), {"name": name}
    )
    if found is None:
        raise unknown_collection(connection, name)
    return int(found)


def ensure_collection(connection: Connection, name: str) -> tuple[int, int | None]:
    """A collection's id and feature space; made where it does not exist."""
    if not 1 <= len(name) <= 200:
        raise Rejected(
            f"found a collection's name of {len(name)} characters; expected 1 to 200", value=name
        )
    row = connection.execute(text(_COLLECTION), {"name": name}).first()
    if row is None:  # another transaction made it after this one's snapshot
        row = connection.execute(text(_COLLECTION), {"name": name}).one()
    return row.id, row.space_id


def unknown_collection(connection: Connection, name: str) -> UnknownCollection:
    """The error for a collection that does not exist, naming those that do."""
    names = connection.scalars(
        text("SELECT name FROM lookalike.collections ORDER BY name LIMIT 10")
    ).all()
    known = "the collections are " + ", ".join(names) if names else "there are none yet"
    return UnknownCollection(
        f"no collection is named {name!r}; {known}: add an image to make one", value=name
    )
