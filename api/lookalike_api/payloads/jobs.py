"""Several jobs at once."""

from __future__ import annotations

from pydantic import BaseModel

from lookalike.jobs import Job


class Jobs(BaseModel):
    """Jobs as they stand, in the order asked for; `n_open` are neither done nor failed."""

    jobs: list[Job]
    n_open: int

    @classmethod
    def of(cls, jobs: list[Job]) -> Jobs:
        return cls(jobs=jobs, n_open=sum(not job.status.is_final for job in jobs))


class EndOfEvents(BaseModel):
    """The last event: how many jobs were told, and the ids of those purged meanwhile."""

    n_jobs: int
    purged: list[int]
