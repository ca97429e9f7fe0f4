"""Webhooks: who is told when jobs end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from lookalike.webhooks.operations import NewSecret
from lookalike.webhooks.records import Webhook
from lookalike_api.bodies import described, read_json
from lookalike_api.entry import ADMIN
from lookalike_api.expected import problems
from lookalike_api.payloads import AddWebhook, Id, Retried, Webhooks
from lookalike_api.routes.context import InContext

router = APIRouter(tags=["webhooks"])

_ONE = "/webhooks/{webhook_id}"


async def _asked(request: Request) -> AddWebhook:
    return await read_json(request, AddWebhook)


# For administrators alone: addresses of receivers often hold secrets of theirs.
@router.get("/webhooks", dependencies=[ADMIN])
def list_webhooks(context: InContext) -> Webhooks:
    """All webhooks, and how it goes with each."""
    return Webhooks(webhooks=context.backend.client.operator.webhooks.all())


# Without a key for idempotency: the answer would be kept for a day, with the secret.
@router.post(
    "/webhooks",
    status_code=201,
    dependencies=[ADMIN],
    responses=problems(400, 404, 413, 415),
    openapi_extra=described(AddWebhook),
)
def add_webhook(context: InContext, asked: Annotated[AddWebhook, Depends(_asked)]) -> NewSecret:
    """Tell a URL of jobs that end from now on; the secret is answered this once.

    Deliveries are sent by relays, to public hosts and those of
    `LOOKALIKE_ALLOW_HOSTS`, signed as Standard Webhooks writes it.
    """
    return context.backend.client.operator.webhooks.add(
        asked.url, collection=asked.collection, events=asked.events, every_s=asked.every_s
    )


@router.delete(_ONE, dependencies=[ADMIN], responses=problems(404))
def remove_webhook(context: InContext, webhook_id: Id) -> Webhook:
    """Tell it nothing more, what waits neither."""
    return context.backend.client.operator.webhooks.remove(webhook_id)


@router.post(_ONE + "/retry", dependencies=[ADMIN], responses=problems(404))
def retry_webhook(context: InContext, webhook_id: Id) -> Retried:
    """Send dead deliveries again, with all their tries; enables the webhook too."""
    return Retried(n_retried=context.backend.client.operator.webhooks.retry(webhook_id))
