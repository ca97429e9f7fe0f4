"""Jobs: how they stand, and waiting for their end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lookalike.errors import WaitedTooLong
from lookalike.jobs import Job
from lookalike_api.routes.context import InContext, PathId

MAX_WAIT_S = 60

router = APIRouter(tags=["jobs"])


@router.get("/jobs/{job_id}")
def read_job(
    context: InContext,
    job_id: PathId,
    wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False)] = 0,
) -> Job:
    """A job as it stands, or as it stands once it is done or failed, or `wait_s` have passed.

    Where very many wait already, it answers at once.
    """
    client = context.backend.client
    if wait_s and context.waiters.acquire(blocking=False):
        try:
            return client.wait([job_id], timeout_s=wait_s)[0]
        except WaitedTooLong:
            return client.job(job_id)
        finally:
            context.waiters.release()
    return client.job(job_id)
