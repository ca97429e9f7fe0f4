"""Search: by a stored image, a reference, features, or an uploaded picture."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request, Response

from lookalike.features import Neighbours
from lookalike_api.bodies import Picture, described, read_body
from lookalike_api.entry import READ, count_embedding
from lookalike_api.expected import problems
from lookalike_api.payloads import Found, Search, SearchUpload, narrowing
from lookalike_api.routes.context import Context, InContext, waiting

router = APIRouter(tags=["search"])


async def _search_body(
    request: Request, context: InContext
) -> Search | tuple[SearchUpload, Picture]:
    body = await read_body(request, Search, SearchUpload, max_bytes=context.settings.max_bytes)
    if not isinstance(body, Search) or body.reference is not None:
        await count_embedding(request)
    return body


# `Any`, since the framework would else read this union as a body of its own.
SearchBody = Annotated[Any, Depends(_search_body)]


@router.post(
    "/search",
    response_model=Found,
    dependencies=[READ],
    responses=problems(400, 403, 404, 409, 413, 415, 504),
    openapi_extra=described(Search, SearchUpload),
)
def search(context: InContext, body: SearchBody) -> Response:
    """The nearest images to a stored image, a reference, an uploaded picture or features."""
    question = body if isinstance(body, Search) else body[0]
    neighbours = _found(context, body)[question.offset :]
    found = Found(
        neighbours=neighbours,
        n_missing=question.k - len(neighbours),
        explanation=_explanation(context, body) if isinstance(body, Search) else None,
    )
    # Written in this thread: the framework would hand it to another, and wait for that.
    return Response(found.model_dump_json(), media_type="application/json")


def _explanation(context: Context, question: Search) -> list[str] | None:
    if not question.explain or question.image_id is None:
        return None
    return context.backend.client.indexes.explain(
        question.image_id,
        collection=question.collection,
        k=question.offset + question.k,
        **narrowing(question),
    )


def _found(context: Context, body: Search | tuple[SearchUpload, Picture]) -> Neighbours:
    question = body if isinstance(body, Search) else body[0]
    ask = partial(
        context.backend.client.search,
        collection=question.collection,
        k=question.offset + question.k,
        **narrowing(question),
    )
    if not isinstance(body, Search):
        with waiting(context):
            return ask(body[1].data)
    if body.reference is not None:
        ref = context.permitted(body.reference)
        with waiting(context):
            return ask(ref)
    if body.features is not None:
        return ask(features=np.asarray(body.features, dtype=np.float64))
    return ask(image_id=body.image_id)
