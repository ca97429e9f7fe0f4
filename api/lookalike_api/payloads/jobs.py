"""Several jobs at once."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from lookalike.jobs import Job


class Jobs(BaseModel):
    """Jobs as they stand, in the order asked for; `n_open` are neither done nor failed."""

    jobs: list[Job]
    n_open: int

    @classmethod
    def of(cls, jobs: list[Job]) -> Jobs:
        return cls(jobs=jobs, n_open=sum(not job.status.is_final for job in jobs))


class Event(BaseModel):
    """A server-sent event; `data` is JSON: a job, or at the end an EndOfEvents."""

    event: Literal["job", "end"]
    data: str
    id: str | None = None


class EndOfEvents(BaseModel):
    """The last event: how many jobs were told, and the ids of those purged meanwhile."""

    n_jobs: int
    purged: list[int]
