"""Failed jobs: a list of them, and which to retry or discard."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from lookalike.queue.failures import FailedJob, FailedPage, Selection
from lookalike_api.payloads.fields import CollectionName, Id, Payload, Reason


class Failure(BaseModel):
    """A job that failed for good; `image_id` is null for a query image.

    `can_retry` where it is its image's last job.
    """

    job_id: int
    image_id: int | None
    collection: str
    reference: str
    reason: str | None = Field(examples=["ImageNotFound"])
    detail: str | None
    attempts: int
    worker: str | None
    created_at: datetime
    finished_at: datetime
    can_retry: bool

    @classmethod
    def of(cls, job: FailedJob) -> Self:
        return cls(
            job_id=job.id,
            image_id=job.image_id,
            collection=job.collection,
            reference=job.reference,
            reason=job.error,
            detail=job.message,
            attempts=job.attempts,
            worker=job.worker,
            created_at=job.created_at,
            finished_at=job.finished_at,
            can_retry=job.is_last,
        )


class Failures(BaseModel):
    """Some failed jobs, by collection and reason; `reasons` counts all of the collection."""

    failures: list[Failure]
    reasons: dict[str, int]
    next_after: str | None

    @classmethod
    def of(cls, page: FailedPage) -> Self:
        return cls(
            failures=[Failure.of(job) for job in page.failures],
            reasons=page.reasons,
            next_after=page.next_after,
        )


class FailedSelection(Payload):
    """Which failed jobs: those that fit all that is given, and something must be."""

    collection: CollectionName | None = None
    reason: Reason | None = None
    job_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _is_not_everything(self) -> Self:
        if self.collection is None and self.reason is None and self.job_ids is None:
            raise ValueError("give at least one of collection, reason and job_ids")
        return self

    def selection(self) -> Selection:
        job_ids = None if self.job_ids is None else tuple(self.job_ids)
        return Selection(self.collection, self.reason, job_ids=job_ids)


class Retried(BaseModel):
    """How many jobs are queued again."""

    n_retried: int


class Discarded(BaseModel):
    """How many failed jobs are gone; their images stay."""

    n_discarded: int
