"""Thumbnails out: the small JPEGs that workers make of what they embed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from lookalike.store.tags import unknown_image

_THUMBNAIL = """
    SELECT t.data FROM lookalike.images i LEFT JOIN lookalike.thumbnails t ON t.image_id = i.id
    WHERE i.id = :image_id
"""

_THUMBNAILS = """
    SELECT image_id, data FROM lookalike.thumbnails
    WHERE image_id = ANY(:image_ids) AND octet_length(data) <= :max_bytes
"""


def read_thumbnail(connection: Connection, image_id: int) -> bytes | None:
    """An image's thumbnail, a JPEG; None until it is embedded, or where workers make none.

    Raises UnknownImage.
    """
    row = connection.execute(text(_THUMBNAIL), {"image_id": image_id}).one_or_none()
    if row is None:
        raise unknown_image(image_id)
    return None if row.data is None else bytes(row.data)


def read_thumbnails(
    connection: Connection, image_ids: Sequence[int], *, max_bytes: int
) -> dict[int, bytes]:
    """The thumbnails that there are, up to a size, by their images' ids."""
    question = {"image_ids": list(image_ids), "max_bytes": max_bytes}
    rows = connection.execute(text(_THUMBNAILS), question)
    return {row.image_id: bytes(row.data) for row in rows}
