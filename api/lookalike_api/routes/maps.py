"""The map of a collection: how it stands, where its images lie, and asking for a new one."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Response

from lookalike.client import DEFAULT_COLLECTION
from lookalike.maps import CollectionMap
from lookalike_api.entry import READ, WRITE
from lookalike_api.etags import etag_of, is_known
from lookalike_api.expected import problems
from lookalike_api.payloads import CollectionName, MapPoints
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["maps"])

# A name may hold slashes: below `/collections/` another collection could be meant.
Name = Annotated[CollectionName, Query()]

# A map may be made anew, and what is erased has to go from it: asked for by its ETag each time.
_HEADERS = {"Cache-Control": "private, no-cache"}


@router.get("/map", dependencies=[READ], responses=problems(404))
def read_map(context: InContext, collection: Name = DEFAULT_COLLECTION) -> CollectionMap:
    """How a collection's map stands: when it was made and of what, and whether one is awaited.

    404 `UnknownMap` where none has been made and none was asked for.
    """
    return context.backend.client.catalogue.map(collection)


@router.post("/map", dependencies=[WRITE], status_code=202, responses=problems(404))
def request_map(
    context: InContext, response: Response, collection: Name = DEFAULT_COLLECTION
) -> CollectionMap:
    """Ask for a map of a collection as it is now; upkeep makes it, and the one before stays so far.

    Asking again before it is made changes nothing.
    """
    asked = context.backend.client.operator.request_map(collection)
    response.headers["Location"] = "/v1/map?" + urlencode({"collection": collection})
    return asked


@router.get(
    "/map/points",
    dependencies=[READ],
    response_model=MapPoints,
    responses={
        304: {"description": "They are the same as those that `If-None-Match` names"},
        **problems(404),
    },
)
def read_map_points(
    context: InContext,
    collection: Name = DEFAULT_COLLECTION,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Where the images lie, all in one answer; none before the first map is made."""
    points = MapPoints.of(context.backend.client.catalogue.map_points(collection))
    content = points.model_dump_json().encode()
    headers = {**_HEADERS, "ETag": etag_of(content)}
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)
