"""Images: add them, and read how far each has come."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from lookalike.inputs import ImageLike
from lookalike.story import Story
from lookalike_api.bodies import Picture, described, read_body
from lookalike_api.payloads import Added, AddImage, AddUpload
from lookalike_api.references import permitted
from lookalike_api.routes.context import InContext, PathId

router = APIRouter(tags=["images"])


async def _add_body(request: Request, context: InContext) -> AddImage | tuple[AddUpload, Picture]:
    return await read_body(request, AddImage, AddUpload, max_bytes=context.settings.max_bytes)


# `Any`, since the framework would else read this union as a body of its own.
AddBody = Annotated[Any, Depends(_add_body)]


@router.post("/images", status_code=202, openapi_extra=described(AddImage, AddUpload))
def add_image(context: InContext, body: AddBody, response: Response) -> Added:
    """Enqueue an image by its reference or by its bytes; doing it again does nothing."""
    image: ImageLike
    if isinstance(body, AddImage):
        image = permitted(body.reference, context.settings.file_roots)
        collection, metadata = body.collection, body.metadata
    else:
        fields, picture = body
        image, collection = picture.data, fields.collection
        metadata = {**({"name": picture.name} if picture.name else {}), **fields.metadata}
    enqueued = context.backend.client.add(image, collection=collection, metadata=metadata)
    if enqueued.job_id is not None:
        response.headers["Location"] = f"/v1/jobs/{enqueued.job_id}"
    return Added.of(enqueued)


@router.get("/images/{image_id}")
def read_image(context: InContext, image_id: PathId) -> Story:
    """The story of one image: how far its last job came, and where it stopped."""
    return context.backend.client.why(image_id)
