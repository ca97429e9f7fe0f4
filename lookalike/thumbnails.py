"""Thumbnails out: the small JPEGs that workers make of what they embed."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lookalike.tags import unknown_image

_THUMBNAIL = """
    SELECT t.data FROM lookalike.images i LEFT JOIN lookalike.thumbnails t ON t.image_id = i.id
    WHERE i.id = :image_id
"""


def read_thumbnail(connection: Connection, image_id: int) -> bytes | None:
    """An image's thumbnail, a JPEG; None until it is embedded, or where workers make none.

    Raises UnknownImage.
    """
    row = connection.execute(text(_THUMBNAIL), {"image_id": image_id}).one_or_none()
    if row is None:
        raise unknown_image(image_id)
    return None if row.data is None else bytes(row.data)
