"""Jobs as server-sent events: each as it ends, and one at the end of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from pydantic import TypeAdapter

from lookalike.errors import UnknownJob
from lookalike.jobs import Job
from lookalike_api.endings import Ended, Endings
from lookalike_api.payloads import EndOfEvents

MEDIA_TYPE = "text/event-stream"

# Proxies cut off what is silent for a minute; a browser's page notices a dead peer by it.
_HEARTBEAT_S = 15.0
_HEARTBEAT = ": nothing ended meanwhile\n\n"

_JOB = TypeAdapter(Job)


async def job_events(
    endings: Endings, job_ids: Sequence[int], *, heartbeat_s: float = _HEARTBEAT_S
) -> AsyncGenerator[str, None]:
    """The events of these jobs; those that have ended already come at once.

    The first item comes without waiting. Raises UnknownJob before it.
    """
    wanted = list(dict.fromkeys(job_ids))
    async with endings.watching(wanted) as ended:
        jobs = await endings.jobs(wanted)
        still_open = {job.id for job in jobs if not job.status.is_final}
        yield "".join(_event(job) for job in jobs if job.status.is_final) or _HEARTBEAT
        purged: list[int] = []
        while still_open:
            ids = await _next(ended, heartbeat_s)
            if ids is None:
                yield _HEARTBEAT
                continue
            some = [job_id for job_id in ids if job_id in still_open]
            still_open.difference_update(some)
            found, gone = await _read(endings, some)
            purged += gone
            yield "".join(map(_event, found))
    end = EndOfEvents(n_jobs=len(wanted) - len(purged), purged=purged)
    yield f"event: end\ndata: {end.model_dump_json()}\n\n"


async def _next(ended: Ended, timeout_s: float) -> Sequence[int] | None:
    try:
        async with asyncio.timeout(timeout_s):
            return await ended.get()
    except TimeoutError:
        return None


async def _read(endings: Endings, job_ids: Sequence[int]) -> tuple[list[Job], list[int]]:
    """The jobs, and the ids of those that are gone."""
    left = list(job_ids)
    gone: list[int] = []
    while left:
        try:
            return await endings.jobs(left), gone
        except UnknownJob as error:
            (one,) = [job_id for job_id in left if job_id == error.value]
            left.remove(one)
            gone.append(one)
    return [], gone


def _event(job: Job) -> str:
    return f"event: job\nid: {job.id}\ndata: {_JOB.dump_json(job).decode()}\n\n"
