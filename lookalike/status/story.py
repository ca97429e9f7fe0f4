"""The story of one image: how far its last job came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from lookalike.features import Tag
from lookalike.store.tags import read_tags, unknown_image

_STORY = """
    SELECT i.id AS image_id, i.reference, i.metadata, c.name AS collection,
           encode(i.image_key, 'hex') AS key,
           s.encoder || '@' || left(s.digest, 12) AS space,
           j.id AS job_id, j.status, j.attempts, j.error, j.message,
           coalesce(l.worker, j.worker) AS worker, j.created_at, j.available_at,
           coalesce(l.leased_at, j.leased_at) AS leased_at,
           CASE WHEN l.id IS NULL THEN j.claimed_at ELSE l.claimed_at END AS claimed_at,
           j.finished_at, l.expires_at AS lease_until,
           j.fetched_ms, j.decoded_ms, j.batched_ms, j.encoded_ms
    FROM lookalike.images i JOIN lookalike.collections c ON c.id = i.collection_id
    LEFT JOIN lookalike.jobs j ON j.id = i.job_id
    LEFT JOIN lookalike.leases l ON l.id = j.lease AND j.status = 'leased'
    LEFT JOIN lookalike.feature_spaces s ON s.id = j.space_id
    WHERE i.id = :image_id
"""


@dataclass(frozen=True, slots=True)
class Story:
    """One image's way through its last job; times are the database's, None where not reached.

    `tags` are those of its collection's feature space.
    """

    image_id: int
    reference: str
    metadata: dict[str, object]
    collection: str
    key: str | None
    space: str | None
    job_id: int | None
    status: str | None
    attempts: int | None
    error: str | None
    message: str | None
    worker: str | None
    created_at: datetime | None
    available_at: datetime | None
    leased_at: datetime | None
    claimed_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    fetched_ms: int | None
    decoded_ms: int | None
    batched_ms: int | None
    encoded_ms: int | None
    tags: list[Tag]


def read_story(connection: Connection, image_id: int) -> Story:
    """What happened to an image so far; raises UnknownImage."""
    row = connection.execute(text(_STORY), {"image_id": image_id}).first()
    if row is None:
        raise unknown_image(image_id)
    return Story(**row._asdict(), tags=read_tags(connection, image_id))
