"""Images: add them, and read how far each has come."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Json, JsonValue, TypeAdapter

from lookalike.client import DEFAULT_COLLECTION
from lookalike.client.inputs import ImageLike
from lookalike.collections.erasure import Receipt
from lookalike.collections.pages import ImagePage
from lookalike.images import MAX_REFERENCE_BYTES
from lookalike.status.story import Story
from lookalike.store.tags import unknown_image
from lookalike_api.bodies import JSON, Picture, described, read_body, refusing
from lookalike_api.entry import ADMIN, READ, WRITE_ONCE
from lookalike_api.expected import problems
from lookalike_api.payloads import NO_NUL, Added, AddImage, AddUpload, CollectionName, Metadata
from lookalike_api.routes.context import InContext, PathId

router = APIRouter(tags=["images"])

# Numbers alone: /images/bulk has methods of its own.
_ONE = "/images/{image_id:int}"


async def _add_body(request: Request, context: InContext) -> AddImage | tuple[AddUpload, Picture]:
    return await read_body(request, AddImage, AddUpload, max_bytes=context.settings.max_bytes)


# `Any`, since the framework would else read this union as a body of its own.
AddBody = Annotated[Any, Depends(_add_body)]


@router.post(
    "/images",
    dependencies=[WRITE_ONCE],
    status_code=202,
    responses=problems(400, 403, 413, 415, 429),
    openapi_extra=described(AddImage, AddUpload),
)
def add_image(context: InContext, body: AddBody, response: Response) -> Added:
    """Enqueue an image by its reference or by its bytes; doing it again does nothing."""
    image: ImageLike
    if isinstance(body, AddImage):
        image = context.permitted(body.reference)
        collection, metadata = body.collection, body.metadata
    else:
        fields, picture = body
        image, collection = picture.data, fields.collection
        metadata = {**({"name": picture.name} if picture.name else {}), **fields.metadata}
    enqueued = context.backend.client.add(image, collection=collection, metadata=metadata)
    if enqueued.job_id is not None:
        response.headers["Location"] = f"/v1/jobs/{enqueued.job_id}"
    return Added.of(enqueued)


async def _filter(
    filter: Annotated[  # noqa: A002 - as in a search
        str | None, Query(max_length=10_000, json_schema_extra={"contentMediaType": JSON})
    ] = None,
) -> dict[str, JsonValue] | None:
    if filter is None:
        return None
    with refusing("query", "filter"):
        return _METADATA.validate_python(filter)


_METADATA = TypeAdapter(Json[Metadata])
Chosen = Annotated[dict[str, JsonValue] | None, Depends(_filter)]


@router.get("/images", dependencies=[READ], responses=problems(400, 404))
def list_images(
    context: InContext,
    collection: Annotated[CollectionName, Query()] = DEFAULT_COLLECTION,
    after: Annotated[str, Query(max_length=MAX_REFERENCE_BYTES, pattern=NO_NUL)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    chosen: Chosen = None,
) -> ImagePage:
    """The images of a collection, by their references in byte order.

    Ask again with `after` = `next_after` until that is null. With `filter`, an
    object written as JSON, those whose metadata contain it: pages may then be
    short, or empty, on the way.
    """
    return context.backend.client.catalogue.images(
        collection, after=after, limit=limit, filter=chosen
    )


@router.delete(_ONE, dependencies=[ADMIN], responses=problems(404))
def erase_image(context: InContext, image_id: PathId) -> Receipt:
    """Erase an image for good, with all that was made of it; the answer counts what that was."""
    receipt = context.backend.client.operator.erase_images([image_id])
    if not receipt.n_images:
        raise unknown_image(image_id)
    return receipt


@router.get(_ONE, dependencies=[READ], responses=problems(404))
def read_image(context: InContext, image_id: PathId) -> Story:
    """The story of one image: how far its last job came, and where it stopped."""
    return context.backend.client.why(image_id)
