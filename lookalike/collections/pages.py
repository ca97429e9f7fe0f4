"""The images of a collection, page by page.

Along the index of their references, so a page costs the same whether the
collection is all there is or one of a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exc, text

from lookalike.database.naming import find_collection
from lookalike.database.refusals import refusal
from lookalike.search.narrowing import parameters

# So many images are looked at for a page; a filter that few pass makes short pages, not long waits.
_MOST_LOOKED_AT = 10_000

_PAGE = """
    SELECT i.id AS image_id, i.reference, i.metadata, i.created_at, i.job_id,
        EXISTS (
            SELECT FROM lookalike.features f JOIN lookalike.collections c ON c.id = i.collection_id
            WHERE f.image_id = i.id AND f.space_id = c.space_id
        ) AS is_embedded
    FROM lookalike.images i
    WHERE i.collection_id = :collection_id AND i.reference > :after
        AND (CAST(:last AS text) IS NULL OR i.reference <= :last)
        AND (CAST(:filter AS jsonb) IS NULL OR i.metadata @> CAST(:filter AS jsonb))
    ORDER BY i.reference LIMIT :limit
"""
# The last that is looked at, where there are more.
_LAST = """
    SELECT reference FROM lookalike.images
    WHERE collection_id = :collection_id AND reference > :after
    ORDER BY reference OFFSET :most - 1 LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image in a list; `is_embedded` tells whether searches find it."""

    image_id: int
    reference: str
    metadata: dict[str, object]
    created_at: datetime
    job_id: int | None
    is_embedded: bool


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Some images of a collection; `next_after` is None at its end."""

    images: list[ListedImage]
    next_after: str | None


def list_images(
    connection: Connection,
    collection: str,
    *,
    after: str,
    limit: int,
    filter: Mapping[str, object] | None,  # noqa: A002 - as a search calls it
) -> ImagePage:
    """The next images after a reference; raises UnknownCollection and FilterInvalid."""
    question: dict[str, Any] = {
        "collection_id": find_collection(connection, collection),
        "after": after,
        "limit": limit,
        "filter": parameters({"filter": filter})["filter"] if filter else None,
        "last": None,
    }
    if filter:
        most = {**question, "most": _MOST_LOOKED_AT}
        question["last"] = connection.scalar(text(_LAST), most)
    try:
        rows = connection.execute(text(_PAGE), question).all()
    except exc.DBAPIError as error:
        raise refusal(error, filter) from error
    images = [ListedImage(**row._asdict()) for row in rows]
    return ImagePage(images, images[-1].reference if len(images) == limit else question["last"])
