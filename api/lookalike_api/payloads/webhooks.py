"""Webhooks: which there are, one to be made, and what became of what was sent."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from lookalike.webhooks.posting import Answer
from lookalike.webhooks.records import Delivery, Webhook
from lookalike_api.payloads.fields import CollectionName, Payload

Ending = Literal["done", "failed"]


class Webhooks(BaseModel):
    """All webhooks, the oldest first."""

    webhooks: list[Webhook]


class Deliveries(BaseModel):
    """Some of what a webhook has not taken, the oldest first."""

    deliveries: list[Delivery]
    next_after: int | None

    @classmethod
    def of(cls, found: list[Delivery], *, limit: int) -> Self:
        return cls(deliveries=found, next_after=found[-1].id if len(found) == limit else None)


class Tested(BaseModel):
    """What became of a test: `status` is the receiver's answer, null where none came.

    `error` is null where it was taken. Of the answer's body and headers nothing is told.
    """

    is_taken: bool
    status: int | None
    error: str | None

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls(is_taken=answer.is_taken, status=answer.status, error=answer.error or None)


class AddWebhook(Payload):
    """Who is to be told of what; without a collection, of what ends in all of them."""

    url: Annotated[
        str,
        Field(
            max_length=2048,
            pattern="^https?://[!-~]+$",
            examples=["https://shop.example/lookalike"],
        ),
    ]
    collection: CollectionName | None = None
    events: Annotated[tuple[Ending, ...], Field(min_length=1, max_length=2)] = ("done", "failed")
    every_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
