"""The rows of `webhooks` and of deliveries, as operators see them: without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from lookalike.errors import UnknownWebhook

_READ = """
    SELECT w.id, w.url, c.name AS collection, w.events, w.every_s, w.created_at, w.n_delivered,
        w.delivered_at, w.n_failures, w.failed_at, w.error, w.disabled_at, w.disabled_why,
        (SELECT count(*) FROM lookalike.webhook_deliveries d
         WHERE d.webhook_id = w.id AND d.died_at IS NULL) AS n_pending,
        (SELECT count(*) FROM lookalike.webhook_deliveries d
         WHERE d.webhook_id = w.id AND d.died_at IS NOT NULL) AS n_dead
    FROM lookalike.webhooks w LEFT JOIN lookalike.collections c ON c.id = w.collection_id
    WHERE CAST(:id AS bigint) IS NULL OR w.id = :id ORDER BY w.id
"""
_DELIVERIES = """
    SELECT d.id, d.webhook_id, 'msg_' || replace(d.message_id::text, '-', '') AS message_id,
        d.n_jobs, d.created_at, d.attempts, d.error, d.died_at,
        CASE WHEN d.died_at IS NULL THEN d.next_at END AS next_at
    FROM lookalike.webhook_deliveries d
    WHERE (CAST(:id AS bigint) IS NULL OR d.webhook_id = :id) AND d.id > :after
        AND (NOT :dead_only OR d.died_at IS NOT NULL)
    ORDER BY d.id LIMIT :n
"""


_BACKLOG = """
    SELECT n_webhooks, n_disabled, n_ends, n_pending, n_dead FROM (
        SELECT count(*) AS n_webhooks, count(disabled_at) AS n_disabled FROM lookalike.webhooks
    ) w CROSS JOIN (
        SELECT count(*) - count(died_at) AS n_pending, count(died_at) AS n_dead
        FROM lookalike.webhook_deliveries
    ) d CROSS JOIN (
        SELECT count(*) AS n_ends FROM lookalike.webhook_ends e
        JOIN lookalike.webhooks w ON w.id = e.webhook_id AND w.disabled_at IS NULL
    ) e
"""


@dataclass(frozen=True, slots=True)
class WebhookBacklog:
    """All webhooks, those that are disabled, and what they have not taken: pending, or dead.

    `n_ends` are in no delivery yet, of those that are not disabled: one for
    each commit that has ended jobs, for each of its collections and webhooks.
    """

    n_webhooks: int
    n_disabled: int
    n_ends: int
    n_pending: int
    n_dead: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told, of what, and how it goes; `collection` is None for all of them.

    `n_failures` are those since the last success, `error` the last of them.
    `n_pending` deliveries are to be sent, and `n_dead` had all their tries.
    """

    id: int
    url: str
    collection: str | None
    events: tuple[str, ...]
    every_s: float
    created_at: datetime
    n_delivered: int
    delivered_at: datetime | None
    n_failures: int
    failed_at: datetime | None
    error: str | None
    disabled_at: datetime | None
    disabled_why: str | None
    n_pending: int
    n_dead: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that has not been taken; `next_at` is None once it is dead, at `died_at`."""

    id: int
    webhook_id: int
    message_id: str
    n_jobs: int
    created_at: datetime
    attempts: int
    error: str | None
    died_at: datetime | None
    next_at: datetime | None


def list_webhooks(connection: Connection) -> list[Webhook]:
    """All of them, the oldest first."""
    return [_webhook(row) for row in connection.execute(text(_READ), {"id": None})]


def read_webhook(connection: Connection, webhook_id: int) -> Webhook:
    """One of them; raises UnknownWebhook."""
    row = connection.execute(text(_READ), {"id": webhook_id}).one_or_none()
    if row is None:
        raise UnknownWebhook(
            f"no webhook has the id {webhook_id}: `lookalike webhook list` shows them",
            value=webhook_id,
        )
    return _webhook(row)


def read_backlog(connection: Connection) -> WebhookBacklog:
    """How it goes with all webhooks together."""
    return WebhookBacklog(**connection.execute(text(_BACKLOG)).one()._asdict())


def list_deliveries(
    connection: Connection, webhook_id: int | None, *, dead_only: bool, after: int, limit: int
) -> list[Delivery]:
    """What has not been taken, the oldest first, of ids above `after`."""
    values = {"id": webhook_id, "dead_only": dead_only, "after": after, "n": limit}
    return [Delivery(**row._asdict()) for row in connection.execute(text(_DELIVERIES), values)]


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._asdict(), "events": tuple(row.events)})
