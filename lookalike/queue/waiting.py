"""Waiting for jobs, woken by Postgres; and what a failed one raises."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import closing

from sqlalchemy import Engine

from lookalike import errors
from lookalike.database import Listener, reading
from lookalike.errors import Rejected, WaitedTooLong
from lookalike.jobs import Job
from lookalike.queue import enqueueing
from lookalike.queue.enqueueing import Enqueued
from lookalike.tables import OUTCOMES_CHANNEL

# Should a notification be lost with its connection, the jobs are looked at all the same.
_LOOK_S = 5.0


def job_ids(jobs: Iterable[Enqueued | Job | int]) -> list[int]:
    """Their ids; an image that needed no job has none."""
    ids = (
        job if isinstance(job, int) else job.job_id if isinstance(job, Enqueued) else job.id
        for job in jobs
    )
    return [job_id for job_id in ids if job_id is not None]


def wait_for_jobs(
    engine: Engine, database_url: str, job_ids: Sequence[int], *, timeout_s: float
) -> list[Job]:
    """The jobs, once each is done or failed; raises WaitedTooLong, and UnknownJob.

    Woken by Postgres when outcomes are committed.
    """
    deadline = time.monotonic() + timeout_s
    with closing(Listener(database_url, OUTCOMES_CHANNEL)) as listener:
        listener.open()
        still_open = list(dict.fromkeys(job_ids))
        while True:
            with reading(engine) as connection:
                still_open = enqueueing.open_job_ids(connection, still_open)
            if not still_open:
                break
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise WaitedTooLong(
                    f"{len(still_open)} of {len(job_ids)} jobs are still open after "
                    f"{timeout_s:g} s: `lookalike status` tells whether a worker runs",
                    value=still_open,
                )
            listener.wait(min(left_s, _LOOK_S))
    with reading(engine) as connection:
        return enqueueing.read_jobs(connection, job_ids)


def failure_of(job: Job) -> Rejected:
    """The error that a failed query job means to whoever asked."""
    kind = getattr(errors, job.error or "", Rejected)
    message = job.message or "the query image failed"
    return kind(message) if issubclass(kind, Rejected) else Rejected(message)
