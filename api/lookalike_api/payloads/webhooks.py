"""Webhooks: which there are, and one to be made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lookalike.webhooks.records import Webhook
from lookalike_api.payloads.fields import CollectionName, Payload

Ending = Literal["done", "failed"]


class Webhooks(BaseModel):
    """All webhooks, the oldest first."""

    webhooks: list[Webhook]


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
