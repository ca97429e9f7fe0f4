"""Jobs: how they stand, and waiting for their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from lookalike.jobs import Job
from lookalike_api.bodies import reference_to
from lookalike_api.entry import READ
from lookalike_api.events import MEDIA_TYPE, job_events
from lookalike_api.expected import problems
from lookalike_api.payloads import Event, Id, Jobs
from lookalike_api.routes.context import InContext, PathId

MAX_WAIT_S = 60
MAX_JOBS = 1000

router = APIRouter(tags=["jobs"])

JobIds = Annotated[
    list[Id],
    Query(alias="id", min_length=1, max_length=MAX_JOBS, description="A job's id; give it again"),
]
WaitS = Annotated[float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)]


@router.get("/jobs", dependencies=[READ], responses=problems(404))
def read_jobs(context: InContext, job_ids: JobIds) -> Jobs:
    """Several jobs as they stand, in the order of the ids."""
    return Jobs.of(context.backend.client.jobs(job_ids))


@router.get("/jobs/wait", dependencies=[READ], responses=problems(404))
async def wait_for_jobs(context: InContext, job_ids: JobIds, wait_s: WaitS = 30) -> Jobs:
    """Several jobs, once each is done or failed, or `wait_s` have passed; `n_open` tells which.

    Woken when outcomes are committed; nothing is polled.
    """
    return Jobs.of(await context.endings.wait(job_ids, wait_s))


@router.get(
    "/jobs/events",
    dependencies=[READ],
    status_code=200,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An event `job` as each job ends, with the job as its data, and an "
            "event `end` at the end of all; comments in between keep the connection open",
            "content": {MEDIA_TYPE: {"schema": reference_to(Event)}},
        },
        **problems(404),
    },
)
async def follow_jobs(context: InContext, job_ids: JobIds) -> StreamingResponse:
    """Follow jobs by server-sent events, as a browser's EventSource reads them.

    Jobs that have ended already are told at once, so a client that was cut off
    asks again in the same way. It closes the connection at the event `end`.
    """
    events = job_events(context.endings, job_ids)
    # What is wrong with the question is a problem with a status of its own.
    first = await anext(events)
    return StreamingResponse(
        _following(first, events), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"}
    )


@router.get("/jobs/{job_id}", dependencies=[READ], responses=problems(404))
async def read_job(context: InContext, job_id: PathId, wait_s: WaitS = 0) -> Job:
    """A job as it stands, or as it stands once it is done or failed, or `wait_s` have passed."""
    if wait_s:
        return (await context.endings.wait([job_id], wait_s))[0]
    return (await context.endings.jobs([job_id]))[0]


async def _following(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    try:
        yield first
        async for events in rest:
            yield events
    finally:
        await rest.aclose()
