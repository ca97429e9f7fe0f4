"""Thumbnails: small pictures of images, as the workers made them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

from lookalike_api.entry import READ
from lookalike_api.etags import etag_of, is_known
from lookalike_api.expected import problems
from lookalike_api.routes.context import InContext, PathId

MEDIA_TYPE = "image/jpeg"

# An image that is erased, or whose bytes change, shows so within minutes.
_HEADERS = {"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"}

router = APIRouter(tags=["images"])


@router.get(
    "/images/{image_id}/thumbnail",
    dependencies=[READ],
    response_class=Response,
    responses={
        200: {"description": "A JPEG", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
        304: {"description": "It is the same as the one that `If-None-Match` names"},
        **problems(404),
    },
)
def read_thumbnail(
    context: InContext, image_id: PathId, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """A small picture of an image; 404 where it has none, as before its job is done."""
    data = context.backend.client.thumbnail(image_id)
    if data is None:
        raise HTTPException(
            404,
            f"image {image_id} has no thumbnail: it is not embedded so far, or was embedded when "
            "none were made",
        )
    headers = {**_HEADERS, "ETag": etag_of(data)}
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=MEDIA_TYPE, headers=headers)
