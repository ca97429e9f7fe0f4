"""Images that are the same: as the SQL functions duplicate_images and duplicate_pairs tell them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, exc, text

from lookalike.database.refusals import refusal
from lookalike.errors import Rejected
from lookalike.search.nearest import check_collection, checked_id, checked_k

_DUPLICATES = "SELECT * FROM duplicate_images(CAST(:image_id AS bigint), :collection, :k)"
_PAIRS = """
    SELECT * FROM duplicate_pairs(
        :collection, :tier, CAST(:after AS bigint), CAST(:up_to AS bigint))
"""
_IS_CALIBRATED = """
    SELECT EXISTS (
        SELECT FROM lookalike.collections c
        JOIN lookalike.calibrations l ON l.collection_id = c.id AND l.space_id = c.space_id
        WHERE CASE WHEN CAST(:collection AS text) IS NULL
            THEN c.id = (SELECT collection_id FROM lookalike.images WHERE id = :image_id)
            ELSE c.name = :collection END)
"""
# The last of the next n images.
_PAGE_END = """
    SELECT max(image_id) FROM (
        SELECT f.image_id FROM lookalike.collections c
        JOIN lookalike.features f ON f.collection_id = c.id AND f.space_id = c.space_id
        WHERE c.name = :collection AND f.image_id > :after
        ORDER BY f.image_id LIMIT :n_images
    ) page
"""


class Tier(StrEnum):
    """How sure it is that two images are the same."""

    IDENTICAL = "identical"  # the same bytes
    NEAR_DUPLICATE = "near_duplicate"  # as far apart as edits of one picture are
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An image that is the same as the one asked for."""

    image_id: int
    reference: str
    tier: Tier
    distance: float
    metadata: dict[str, object]


class Duplicates(list[Duplicate]):
    """The surest first; without a calibration only identical images are known."""

    def __init__(self, found: Iterable[Duplicate], *, is_calibrated: bool) -> None:
        super().__init__(found)
        self.is_calibrated = is_calibrated


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two images of a collection that are the same; image_id is the lower of the two."""

    image_id: int
    reference: str
    other_id: int
    other_reference: str
    distance: float


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """The pairs of some images of a collection; `next_after` is None at its end."""

    pairs: list[DuplicatePair]
    next_after: int | None


def duplicates_of(
    connection: Connection, image_id: int, *, collection: str | None = None, k: int = 100
) -> Duplicates:
    """What is the same as a stored image, at most k; by default in its collection.

    Raises UnknownImage, UnknownCollection, and WrongFeatureSpace where the
    collection is of another feature space.
    """
    question = {"image_id": checked_id(image_id), "collection": collection, "k": checked_k(k)}
    if collection is not None:
        check_collection(connection, collection)
    is_calibrated = bool(connection.scalar(text(_IS_CALIBRATED), question))
    rows = _rows(connection, _DUPLICATES, question, value=collection or image_id)
    found = (Duplicate(**{**row._asdict(), "tier": Tier(row.tier)}) for row in rows)
    return Duplicates(found, is_calibrated=is_calibrated)


def duplicate_page(
    connection: Connection, collection: str, *, tier: str, after: int, n_images: int
) -> DuplicatePage:
    """The pairs whose first image is among the next n images after an id.

    Raises UnknownCollection, and NotCalibrated for any tier but `identical`
    where nobody has run `lookalike calibrate`.
    """
    if tier not in list(Tier):
        raise Rejected(f"found the tier {tier!r:.50}; expected {', '.join(Tier)}", value=tier)
    check_collection(connection, collection)
    question: dict[str, object] = {"collection": collection, "after": after, "n_images": n_images}
    up_to = connection.scalar(text(_PAGE_END), question)
    # Also for an empty page: it tells that the collection is not calibrated.
    rows = _rows(
        connection, _PAIRS, {**question, "tier": str(tier), "up_to": up_to or after}, collection
    )
    return DuplicatePage([DuplicatePair(**row._asdict()) for row in rows], up_to)


def _rows(
    connection: Connection, statement: str, question: dict[str, Any], value: object
) -> list[Row[Any]]:
    try:
        return list(connection.execute(text(statement), question).all())
    except exc.DBAPIError as error:
        raise refusal(error, value) from error
