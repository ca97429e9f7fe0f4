"""Jobs that failed for good: list them, try them again, or drop them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from lookalike.queue.failures import MARK, Selection
from lookalike_api.bodies import described, read_json
from lookalike_api.entry import ADMIN_ONCE, READ, WRITE_ONCE
from lookalike_api.expected import problems
from lookalike_api.payloads import (
    CollectionName,
    Discarded,
    FailedSelection,
    Failures,
    Reason,
    Retried,
)
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["failures"])


async def _selection(request: Request) -> FailedSelection:
    return await read_json(request, FailedSelection)


Selected = Annotated[FailedSelection, Depends(_selection)]


@router.get("/failures", dependencies=[READ], responses=problems(400, 404))
def list_failures(
    context: InContext,
    collection: Annotated[CollectionName | None, Query()] = None,
    reason: Annotated[Reason | None, Query()] = None,
    after: Annotated[str | None, Query(pattern=MARK)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Failures:
    """Failed jobs, by collection and reason, and how many there are for each reason.

    Ask again with `after` = `next_after` until that is null.
    """
    selection = Selection(collection, reason)
    operator = context.backend.client.operator
    return Failures.of(operator.failed_page(selection, after=after, limit=limit))


@router.post(
    "/failures/retry",
    dependencies=[WRITE_ONCE],
    responses=problems(403, 404, 413, 415),
    openapi_extra=described(FailedSelection),
)
def retry_failures(context: InContext, selected: Selected) -> Retried:
    """Queue failed jobs again, with all attempts: those that fit all that is given.

    Not those of query images, nor those whose image has a later job.
    """
    return Retried(n_retried=context.backend.client.operator.retry_failed(selected.selection()))


@router.post(
    "/failures/discard",
    dependencies=[ADMIN_ONCE],
    responses=problems(403, 404, 413, 415),
    openapi_extra=described(FailedSelection),
)
def discard_failures(context: InContext, selected: Selected) -> Discarded:
    """Drop failed jobs: those that fit all that is given; their images stay."""
    n_discarded = context.backend.client.operator.discard_failed(selected.selection())
    return Discarded(n_discarded=n_discarded)
