"""Webhooks: who is told when jobs end."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from lookalike.webhooks.operations import LONGEST_OVERLAP_S, NewSecret
from lookalike.webhooks.records import Webhook
from lookalike_api.bodies import described, read_json
from lookalike_api.entry import ADMIN
from lookalike_api.expected import problems
from lookalike_api.payloads import MAX_ID, AddWebhook, Deliveries, Retried, Tested, Webhooks
from lookalike_api.routes.context import InContext, PathId, testing

router = APIRouter(tags=["webhooks"])

_ONE = "/webhooks/{webhook_id}"


async def _asked(request: Request) -> AddWebhook:
    return await read_json(request, AddWebhook)


# For administrators alone: addresses of receivers often hold secrets of theirs.
@router.get("/webhooks", dependencies=[ADMIN])
def list_webhooks(context: InContext) -> Webhooks:
    """All webhooks, and how it goes with each."""
    return Webhooks(webhooks=context.backend.client.operator.webhooks.all())


@router.get(_ONE, dependencies=[ADMIN], responses=problems(404))
def read_webhook(context: InContext, webhook_id: PathId) -> Webhook:
    """A webhook, and how it goes with it; its secret is not told again."""
    return context.backend.client.operator.webhooks.read(webhook_id)


@router.get(_ONE + "/deliveries", dependencies=[ADMIN], responses=problems(404))
def list_deliveries(
    context: InContext,
    webhook_id: PathId,
    state: Annotated[Literal["dead"] | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Deliveries:
    """What a webhook has not taken yet, the oldest first; `dead` had all their tries.

    Ask again with `after` = `next_after` until that is null.
    """
    found = context.backend.client.operator.webhooks.deliveries(
        webhook_id, dead_only=state is not None, after=after, limit=limit
    )
    return Deliveries.of(found, limit=limit)


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
def remove_webhook(context: InContext, webhook_id: PathId) -> Webhook:
    """Tell it nothing more, what waits neither."""
    return context.backend.client.operator.webhooks.remove(webhook_id)


@router.post(_ONE + "/test", dependencies=[ADMIN], responses=problems(404))
def test_webhook(context: InContext, webhook_id: PathId) -> Tested:
    """Send a signed event `webhook.test` once, at once, and tell what became of it.

    The API sends it itself, within 15 s, to public hosts and those of its own
    `LOOKALIKE_ALLOW_HOSTS`, as relays do. Whatever the receiver answers is 200 here.
    """
    with testing(context):
        return Tested.of(
            context.backend.client.operator.webhooks.test(
                webhook_id, allow_hosts=context.settings.allow_hosts
            )
        )


# Without a key for idempotency, as `add_webhook`.
@router.post(_ONE + "/rotate", dependencies=[ADMIN], responses=problems(404))
def rotate_webhook(
    context: InContext,
    webhook_id: PathId,
    overlap_s: Annotated[float, Query(ge=0, le=LONGEST_OVERLAP_S, allow_inf_nan=False)] = 86_400,
) -> NewSecret:
    """Make another secret, answered this once; the one before signs as well for `overlap_s`.

    With 0, which is for one that leaked, the old one signs nothing more.
    """
    return context.backend.client.operator.webhooks.rotate(webhook_id, overlap_s=overlap_s)


@router.post(_ONE + "/enable", dependencies=[ADMIN], responses=problems(404))
def enable_webhook(context: InContext, webhook_id: PathId) -> Webhook:
    """Tell a webhook again that was disabled, and what waits for it at once."""
    return context.backend.client.operator.webhooks.enable(webhook_id)


@router.post(_ONE + "/retry", dependencies=[ADMIN], responses=problems(404))
def retry_webhook(context: InContext, webhook_id: PathId) -> Retried:
    """Send dead deliveries again, with all their tries; enables the webhook too."""
    return Retried(n_retried=context.backend.client.operator.webhooks.retry(webhook_id))
