"""A line of a bulk, and the answer to it."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator

from lookalike_api.payloads.fields import Id, Metadata, Payload, Reference
from lookalike_api.payloads.problem import Problem


class BulkLine(Payload):
    """An image by its reference, on a line of its own."""

    reference: Reference
    metadata: Metadata = Field(default_factory=dict)


class BulkAnswer(BaseModel):
    """What became of the line with this number, from 1: the image, or the problem."""

    line: int = Field(ge=1)
    image_id: Id | None = None
    job_id: Id | None = None
    is_new: bool | None = None
    problem: Problem | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> Self:
        if (self.image_id is None) == (self.problem is None):
            raise ValueError("expected an image or a problem")
        return self
