"""Tags out: the labels that a module's head gave an image."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lookalike.errors import UnknownImage
from lookalike.features import Tag

_TAGS = """
    SELECT t.label, t.probability
    FROM lookalike.images i JOIN lookalike.collections c ON c.id = i.collection_id
    LEFT JOIN lookalike.image_tags t ON t.image_id = i.id AND t.space_id = c.space_id
    WHERE i.id = :image_id ORDER BY t.probability DESC, t.label
"""


def read_tags(connection: Connection, image_id: int) -> list[Tag]:
    """An image's tags in its collection's feature space, the likeliest first; often none.

    Raises UnknownImage.
    """
    rows = connection.execute(text(_TAGS), {"image_id": image_id}).all()
    if not rows:
        raise unknown_image(image_id)
    return [Tag(row.label, row.probability) for row in rows if row.label is not None]


def unknown_image(image_id: int) -> UnknownImage:
    """The error for an id that no image has."""
    return UnknownImage(
        f"no image has the id {image_id}: `lookalike add` prints the ids", value=image_id
    )
