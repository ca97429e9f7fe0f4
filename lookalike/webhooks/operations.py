"""What operators do with webhooks: `Lookalike().operator.webhooks`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from lookalike.database import transaction
from lookalike.database.naming import find_collection
from lookalike.errors import Rejected
from lookalike.webhooks.posting import Answer, Poster
from lookalike.webhooks.records import (
    Delivery,
    Webhook,
    list_deliveries,
    list_webhooks,
    read_webhook,
)
from lookalike.webhooks.signing import headers_of, new_secret, write_secret
from lookalike.webhooks.targets import parse_target

EVENTS = ("done", "failed")
"""How a job may end; a webhook is told of one or both."""

LONGEST_OVERLAP_S = 30 * 86_400.0
"""For which a secret may sign beside the next one."""

# Each costs every commit of a worker its part of a statement, and relays a thread while it is slow.
_MOST_WEBHOOKS = 100
_LONGEST_EVERY_S = 3600.0

_ADD = """
    INSERT INTO lookalike.webhooks (url, collection_id, events, every_s, secret)
    VALUES (:url, :collection_id, CAST(:events AS text[]), :every_s, :secret) RETURNING id
"""
_ROTATE = """
    UPDATE lookalike.webhooks SET secret = :secret, old_secret = secret,
        old_secret_until = now() + make_interval(secs => :overlap_s)
    WHERE id = :id
"""
# As relays sign: with both, while the one before is good.
_SECRETS = """
    SELECT secret, CASE WHEN old_secret_until > now() THEN old_secret END
    FROM lookalike.webhooks WHERE id = :id
"""
_ENABLE = """
    UPDATE lookalike.webhooks
    SET disabled_at = NULL, disabled_why = NULL, n_failures = 0, error = NULL, held_until = NULL
    WHERE id = :id
"""
_REVIVE = """
    UPDATE lookalike.webhook_deliveries SET died_at = NULL, attempts = 0, next_at = now()
    WHERE webhook_id = :id AND died_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook with the secret that signs its deliveries from now on; it is not shown again."""

    webhook: Webhook
    secret: str = field(repr=False)


class Webhooks:
    """Who is told by a signed request when jobs have ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        url: str,
        *,
        collection: str | None = None,
        events: Sequence[str] = EVENTS,
        every_s: float = 5.0,
    ) -> NewSecret:
        """Tell a URL of jobs that end from now on, those of a collection or all but queries.

        What ends within `every_s` seconds goes in one delivery. Raises
        Rejected for a URL, an event or a time that there cannot be, and
        UnknownCollection.
        """
        parse_target(url)
        secret = new_secret()
        values = {
            "url": url,
            "events": _checked_events(events),
            "every_s": _checked_every(every_s),
            "secret": secret,
        }
        with transaction(self._engine) as connection:
            _check_room(connection)
            which = None if collection is None else find_collection(connection, collection)
            number = connection.execute(text(_ADD), {**values, "collection_id": which}).scalar_one()
            return NewSecret(read_webhook(connection, number), write_secret(secret))

    def all(self) -> list[Webhook]:
        """All webhooks with how it goes, the oldest first."""
        with transaction(self._engine) as connection:
            return list_webhooks(connection)

    def read(self, webhook_id: int) -> Webhook:
        """One webhook with how it goes; raises UnknownWebhook."""
        with transaction(self._engine) as connection:
            return read_webhook(connection, webhook_id)

    def remove(self, webhook_id: int) -> Webhook:
        """Tell it nothing more, what waits neither; raises UnknownWebhook.

        A request that is under way may still arrive.
        """
        with transaction(self._engine) as connection:
            webhook = read_webhook(connection, webhook_id)
            # Deliveries, webhooks, ends, as senders and those who gather lock them: no deadlock.
            for rows in (
                "webhook_deliveries WHERE webhook_id",
                "webhooks WHERE id",
                "webhook_ends WHERE webhook_id",
            ):
                connection.execute(text(f"DELETE FROM lookalike.{rows} = :id"), {"id": webhook_id})
        return webhook

    def test(self, webhook_id: int, *, allow_hosts: Iterable[str] = ()) -> Answer:
        """Send a signed event `webhook.test` once, from this process, and give what came back.

        `allow_hosts` as in LOOKALIKE_ALLOW_HOSTS. Raises UnknownWebhook.
        """
        with transaction(self._engine) as connection:
            webhook = read_webhook(connection, webhook_id)
            secrets = _secrets(connection, webhook_id)
        event = {
            "type": "webhook.test",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"collection": webhook.collection, "jobs": []},
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        signed = headers_of(f"msg_{uuid.uuid4().hex}", body, secrets, at_s=time.time())
        with closing(Poster(allow_hosts)) as poster:
            return poster.post(webhook.url, signed, body)

    def rotate(self, webhook_id: int, *, overlap_s: float = 86_400) -> NewSecret:
        """Give a webhook another secret; for `overlap_s` the one before signs as well.

        With 0, which is for one that leaked, it ends at once. Raises
        UnknownWebhook, and Rejected for a time that there cannot be.
        """
        secret = new_secret()
        values = {"id": webhook_id, "secret": secret, "overlap_s": _checked_overlap(overlap_s)}
        with transaction(self._engine) as connection:
            connection.execute(text(_ROTATE), values)
            return NewSecret(read_webhook(connection, webhook_id), write_secret(secret))

    def enable(self, webhook_id: int) -> Webhook:
        """Tell a webhook that was disabled again, and what waits at once; raises UnknownWebhook.

        What ended while it was disabled is not told.
        """
        with transaction(self._engine) as connection:
            connection.execute(text(_ENABLE), {"id": webhook_id})
            return read_webhook(connection, webhook_id)

    def deliveries(
        self,
        webhook_id: int | None = None,
        *,
        dead_only: bool = False,
        after: int = 0,
        limit: int = 100,
    ) -> list[Delivery]:
        """What has not been taken yet, by one webhook or all of them, the oldest first.

        Those with ids above `after` alone. Raises UnknownWebhook.
        """
        with transaction(self._engine) as connection:
            if webhook_id is not None:
                read_webhook(connection, webhook_id)
            return list_deliveries(
                connection, webhook_id, dead_only=dead_only, after=after, limit=limit
            )

    def retry(self, webhook_id: int) -> int:
        """Send dead deliveries again, with all their tries; how many these are.

        Enables the webhook too. Raises UnknownWebhook.
        """
        self.enable(webhook_id)
        with transaction(self._engine) as connection:
            return connection.execute(text(_REVIVE), {"id": webhook_id}).rowcount


def _secrets(connection: Connection, webhook_id: int) -> list[bytes]:
    row = connection.execute(text(_SECRETS), {"id": webhook_id}).one()
    return [bytes(one) for one in row if one is not None]


def _check_room(connection: Connection) -> None:
    n = int(connection.scalar(text("SELECT count(*) FROM lookalike.webhooks")) or 0)
    if n >= _MOST_WEBHOOKS:
        raise Rejected(
            f"found {n} webhooks; expected at most {_MOST_WEBHOOKS}: remove one, or let one "
            "receiver pass on what it is told",
            value=n,
        )


def _checked_events(events: Sequence[str]) -> list[str]:
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        raise Rejected(
            f"found the events {', '.join(events) or 'none'}; expected done, failed or both",
            value=events,
        )
    return [event for event in EVENTS if event in events]


def _checked_every(every_s: float) -> float:
    if not 0 <= every_s <= _LONGEST_EVERY_S:
        raise Rejected(
            f"found {every_s:g} s between deliveries; expected 0 to {_LONGEST_EVERY_S:g}",
            value=every_s,
        )
    return every_s


def _checked_overlap(overlap_s: float) -> float:
    if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
        raise Rejected(
            f"found {overlap_s:g} s for two secrets beside each other; expected 0 to "
            f"{LONGEST_OVERLAP_S:g}, which is 30 days",
            value=overlap_s,
        )
    return overlap_s
