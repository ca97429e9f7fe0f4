"""What is the same: of one image, and in a collection."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lookalike.client import DEFAULT_COLLECTION
from lookalike.search.duplicates import DuplicatePage, Tier
from lookalike_api.entry import READ
from lookalike_api.expected import problems
from lookalike_api.payloads import MAX_ID, CollectionName, SameImages
from lookalike_api.routes.context import InContext, PathId

router = APIRouter(tags=["duplicates"])


@router.get("/images/{image_id}/duplicates", dependencies=[READ], responses=problems(400, 404, 409))
def read_duplicates(
    context: InContext,
    image_id: PathId,
    collection: Annotated[CollectionName | None, Query()] = None,
    k: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> SameImages:
    """What is the same as a stored image: identical, near-duplicate or similar."""
    found = context.backend.client.duplicates(image_id, collection=collection, k=k)
    return SameImages(duplicates=found, is_calibrated=found.is_calibrated)


@router.get("/duplicates", dependencies=[READ], responses=problems(400, 404, 409))
def read_duplicate_pairs(
    context: InContext,
    collection: Annotated[CollectionName, Query()] = DEFAULT_COLLECTION,
    tier: Tier = Tier.IDENTICAL,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
    n_images: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DuplicatePage:
    """The pairs of a collection that are the same, of some images at a time.

    Ask again with `after` = `next_after` until that is null.
    """
    return context.backend.client.duplicate_page(
        collection, tier=tier, after=after, n_images=n_images
    )
