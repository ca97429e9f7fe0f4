"""Adding images: what is sent, and what became of it."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, Json

from lookalike.client import DEFAULT_COLLECTION
from lookalike.queue import Enqueued
from lookalike_api.payloads.fields import CollectionName, Metadata, Payload, Reference


class AddImage(Payload):
    """An image by its reference."""

    reference: Reference
    collection: CollectionName = DEFAULT_COLLECTION
    metadata: Metadata = Field(default_factory=dict)


class AddUpload(Payload):
    """The fields beside an uploaded `file`; the metadata is an object written as JSON."""

    collection: CollectionName = DEFAULT_COLLECTION
    metadata: Json[Metadata] = Field(default_factory=dict)


class Added(BaseModel):
    """What became of an image; `is_new` is false where it is embedded or on its way already."""

    image_id: int
    job_id: int | None
    is_new: bool

    @classmethod
    def of(cls, enqueued: Enqueued) -> Self:
        return cls(image_id=enqueued.image_id, job_id=enqueued.job_id, is_new=enqueued.is_new)
