"""Rows of images without jobs: made or found, and held until the transaction ends.

They are held in one order, as producers and workers do: first those that are made here, which wait
for others that make the same, then those that were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from lookalike.database.descriptions import to_json
from lookalike.jobs import Request

_MAKE = """
    INSERT INTO lookalike.images (collection_id, reference, metadata, image_key)
    SELECT :collection_id, reference, coalesce(metadata, '{}'), image_key
    FROM unnest(CAST(:references AS text[]), CAST(:metadata AS jsonb[]), CAST(:keys AS bytea[]))
        AS g (reference, metadata, image_key)
    ORDER BY reference COLLATE "C"
    ON CONFLICT (collection_id, reference) DO NOTHING
    RETURNING reference, id
"""
_HOLD = """
    SELECT reference, id FROM lookalike.images
    WHERE collection_id = :collection_id AND reference = ANY(CAST(:references AS text[]))
    ORDER BY reference FOR NO KEY UPDATE
"""
# Other bytes end what was made of the old ones in another space, as where a worker finds them, and
# the old ones' thumbnail: no worker sees these bytes.
_OUTDATE = """
    WITH unpictured AS (
        DELETE FROM lookalike.thumbnails t
        USING unnest(CAST(:references AS text[]), CAST(:keys AS bytea[]))
            AS g (reference, image_key), lookalike.images i
        WHERE i.collection_id = :collection_id AND i.reference = g.reference
            AND i.image_key <> g.image_key AND t.image_id = i.id
    )
    DELETE FROM lookalike.features f
    USING unnest(CAST(:references AS text[]), CAST(:keys AS bytea[])) AS g (reference, image_key),
        lookalike.images i
    WHERE i.collection_id = :collection_id AND i.reference = g.reference
        AND i.image_key <> g.image_key AND f.image_id = i.id AND f.space_id <> :space_id
"""
_DESCRIBE = """
    UPDATE lookalike.images i SET metadata = n.metadata, image_key = n.image_key
    FROM unnest(CAST(:references AS text[]), CAST(:metadata AS jsonb[]), CAST(:keys AS bytea[]))
        AS g (reference, metadata, image_key)
    JOIN lookalike.images o ON o.collection_id = :collection_id AND o.reference = g.reference
    CROSS JOIN LATERAL (
        SELECT o.metadata || coalesce(g.metadata, '{}') AS metadata,
            coalesce(g.image_key, o.image_key) AS image_key
    ) n
    WHERE i.id = o.id
        AND (n.metadata <> o.metadata OR n.image_key IS DISTINCT FROM o.image_key)
"""

Columns = Mapping[str, list[object]]
"""What is known of images, by parameter: their references, metadata and keys."""


@dataclass(slots=True)
class Held:
    """The ids of images by their references: of those that were made, and of the others."""

    made: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)


def columns_of(images: Mapping[str, Request]) -> Columns:
    """Parameters for images by their references; raises MetadataInvalid."""
    return {
        "references": list(images),
        "metadata": [to_json(one.metadata) if one.metadata else None for one in images.values()],
        "keys": [one.key and one.key.digest for one in images.values()],
    }


def hold_images(
    connection: Connection, space_id: int, collection_id: int, columns: Columns
) -> Held:
    """Make the images that are not there; of the others merge metadata, replace keys if given.

    The features that are meant are of the feature space `space_id`.
    """
    held = Held()
    values = {"space_id": space_id, "collection_id": collection_id, **columns}
    references = columns["references"]
    while len(held.made) + len(held.found) < len(references):
        # More than once only for what was deleted in between.
        made = connection.execute(text(_MAKE), values)
        held.made |= {row.reference: row.id for row in made}
        rest = [one for one in references if one not in held.made]
        if rest:
            rows = connection.execute(text(_HOLD), {**values, "references": rest})
            held.found = {row.reference: row.id for row in rows}
            connection.execute(text(_OUTDATE), values)
            connection.execute(text(_DESCRIBE), values)
    return held
