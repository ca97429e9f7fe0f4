"""Images that have features in one space and none in another."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lookalike.reembedding.spaces import Space

_MISSING = """
    SELECT count(*) AS n, count(*) FILTER (WHERE EXISTS (
        SELECT FROM lookalike.images i JOIN lookalike.jobs j ON j.id = i.job_id
        WHERE i.id = m.image_id AND j.status = 'failed' AND j.space_id = :space_id)) AS n_failed
    FROM (
        SELECT f.image_id FROM lookalike.features f
        WHERE f.space_id = :present_id AND f.collection_id = :collection_id AND NOT EXISTS (
            SELECT FROM lookalike.features g
            WHERE g.space_id = :space_id AND g.collection_id = :collection_id
                AND g.image_id = f.image_id)
    ) m
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """How many images of a collection `space` lacks, and how many of these failed in it."""

    space: Space
    n: int
    n_failed: int


def count_missing(
    connection: Connection, collection_id: int, present: Space, space: Space
) -> Missing:
    """Compare all images that are `present` in one space with those of another, exactly."""
    places = {"collection_id": collection_id, "present_id": present.id, "space_id": space.id}
    row = connection.execute(text(_MISSING), places).one()
    return Missing(space, int(row.n), int(row.n_failed))
