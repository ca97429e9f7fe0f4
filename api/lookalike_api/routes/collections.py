"""Collections: which there are, what is asked for each, and their end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from lookalike.collections import Collection
from lookalike.collections.erasure import Receipt
from lookalike_api.bodies import described, read_json
from lookalike_api.entry import ADMIN, READ
from lookalike_api.expected import problems
from lookalike_api.payloads import CollectionName, Collections, Configuration
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["collections"])

# A name may hold slashes.
_ONE = "/collections/{name:path}"
Name = Annotated[CollectionName, Path()]


async def _configuration(request: Request) -> Configuration:
    return await read_json(request, Configuration)


@router.get("/collections", dependencies=[READ])
def list_collections(context: InContext) -> Collections:
    """All collections, by name: how many images each has, and whose features."""
    return Collections(collections=context.backend.client.catalogue.collections())


@router.get(_ONE, dependencies=[READ], responses=problems(404))
def read_collection(context: InContext, name: Name) -> Collection:
    """One collection."""
    return context.backend.client.catalogue.collection(name)


@router.put(
    _ONE,
    dependencies=[ADMIN],
    openapi_extra=described(Configuration),
    responses={
        201: {"model": Collection, "description": "The collection was made"},
        **problems(403, 413, 415),
    },
)
def configure_collection(
    context: InContext,
    name: Name,
    configuration: Annotated[Configuration, Depends(_configuration)],
    response: Response,
) -> Collection:
    """Make a collection, or pause and limit it; a field that is left out stays as it is.

    `paused` holds the bulk lane or all lanes back, and `max_open` refuses
    jobs beyond so many open ones; null lifts either.
    """
    client = context.backend.client
    if client.operator.configure(name, **configuration.asked()):
        response.status_code = 201
    return client.catalogue.collection(name)


@router.delete(_ONE, dependencies=[ADMIN], responses=problems(404))
def erase_collection(context: InContext, name: Name) -> Receipt:
    """Erase a collection for good, with everything in it; the answer counts what that was.

    It takes as long as that takes. Should the connection be cut, it goes on;
    should the process end, ask again with the name that the list shows then.
    """
    return context.backend.client.operator.erase_collection(name)
