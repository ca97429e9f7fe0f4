"""Rows of calibrations, and what is read to measure one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.calibrating.thresholds import Thresholds
from lookalike.images import ImageRef

# The same images each time, spread over the collection.
_SAMPLE = """
    SELECT i.id, i.reference FROM lookalike.images i
    JOIN lookalike.collections c ON c.id = i.collection_id
    JOIN lookalike.features f ON f.image_id = i.id AND f.space_id = c.space_id
    WHERE c.name = :collection AND (i.reference LIKE 'upload:%' OR i.reference LIKE 'file:%')
    ORDER BY hashint8(i.id), i.id LIMIT :n
"""
_NEAREST_OTHER = """
    SELECT min(n.distance) FROM nearest_images(CAST(:image_id AS bigint), 50) n
    JOIN lookalike.images o ON o.id = n.image_id
    WHERE o.image_key IS DISTINCT FROM
        (SELECT image_key FROM lookalike.images WHERE id = :image_id)
"""
_STORE = """
    INSERT INTO lookalike.calibrations AS l
        (collection_id, space_id, near_duplicate_distance, similar_distance, n_pairs)
    SELECT c.id, s.id, :near, :similar, :n_pairs
    FROM lookalike.collections c, lookalike.feature_spaces s
    WHERE c.name = :collection AND s.digest = :digest
    ON CONFLICT (collection_id, space_id) DO UPDATE SET
        near_duplicate_distance = excluded.near_duplicate_distance,
        similar_distance = excluded.similar_distance,
        n_pairs = excluded.n_pairs, calibrated_at = now()
"""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image with features, by its id and reference."""

    image_id: int
    reference: ImageRef


def sample_images(connection: Connection, collection: str, n: int) -> list[StoredImage]:
    """Up to n of a collection's uploads and files that have features."""
    rows = connection.execute(text(_SAMPLE), {"collection": collection, "n": n})
    return [StoredImage(image_id, ImageRef(reference)) for image_id, reference in rows]


def read_upload(connection: Connection, reference: ImageRef) -> bytes | None:
    """The bytes of an upload, where they are kept."""
    data = connection.scalar(
        text("SELECT data FROM lookalike.uploads WHERE image_key = :key"),
        {"key": reference.upload_key.digest},
    )
    return None if data is None else bytes(data)


def nearest_other_distance(connection: Connection, image_id: int) -> float | None:
    """The distance to the nearest image of other bytes; None where there is none."""
    distance = connection.scalar(text(_NEAREST_OTHER), {"image_id": image_id})
    return None if distance is None else float(distance)


def store_calibration(
    connection: Connection, collection: str, digest: str, thresholds: Thresholds
) -> None:
    """Keep what near-duplicate and similar mean for a collection in a feature space."""
    connection.execute(
        text(_STORE),
        {
            "collection": collection,
            "digest": digest,
            "near": thresholds.near_duplicate_distance,
            "similar": thresholds.similar_distance,
            "n_pairs": thresholds.n_edits,
        },
    )
