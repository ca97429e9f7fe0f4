"""Images by the million, a line each, with an answer for each line while more come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel

from lookalike.client import DEFAULT_COLLECTION
from lookalike_api.bodies import content_type_of, reference_to
from lookalike_api.entry import WRITE
from lookalike_api.expected import problems
from lookalike_api.ndjson import MEDIA_TYPES, Answered, AnswerStream, answer_portion, answers
from lookalike_api.ndjson.lines import Line
from lookalike_api.payloads import BulkAnswer, BulkLine, CollectionName
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["images"])


def _lines_of(item: type[BaseModel]) -> dict[str, Any]:
    # OpenAPI 3.1 has no word for it; 3.2 calls it itemSchema.
    schema = {"type": "string", "x-itemSchema": reference_to(item)}
    return {MEDIA_TYPES[0]: {"schema": schema}}


@router.post(
    "/images/bulk",
    dependencies=[WRITE],
    status_code=200,
    response_class=AnswerStream,
    responses={
        200: {
            "description": "An answer for each line, in order, on lines of their own",
            "content": _lines_of(BulkAnswer),
        },
        **problems(403, 415),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "One image a line; a line has 64,000 bytes at most",
            "content": _lines_of(BulkLine),
        }
    },
)
async def add_images(
    request: Request,
    context: InContext,
    collection: Annotated[CollectionName, Query()] = DEFAULT_COLLECTION,
) -> AnswerStream:
    """Enqueue any number of images by their references, one JSON object a line.

    The answers come while the lines are sent, some thousands at a time, in
    their order, and are committed already. A line that is refused costs itself
    alone; beyond a limit of open jobs each line has the problem BacklogFull.
    Where Postgres goes away, the answers end with the lines that it took with
    it: send again what has no answer, which is always safe.
    """
    content_type = content_type_of(request)
    if content_type not in MEDIA_TYPES:
        raise HTTPException(
            415, f"found the content type {content_type!r}; expected {', '.join(MEDIA_TYPES)}"
        )

    async def answer(portion: Sequence[Line]) -> Answered:
        def call() -> Answered:
            client = context.backend.client
            return answer_portion(client, collection, portion, context.permitted)

        return await to_thread.run_sync(call, limiter=context.bulk_threads)

    return AnswerStream(answers(request.stream(), answer))
