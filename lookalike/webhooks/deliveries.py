"""Deliveries that wait: which webhooks have any, taking the next one, and what became of it.

Whoever locks several locks deliveries first, then webhooks, then ends: so no two deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

# Of a webhook that may be sent to; the join keeps what a removed one has left from being sent.
_READY = """
    lookalike.webhook_deliveries d JOIN lookalike.webhooks w ON w.id = d.webhook_id
    WHERE d.died_at IS NULL AND d.next_at <= now() AND w.disabled_at IS NULL
        AND (w.held_until IS NULL OR w.held_until <= now())
"""
# Served is who has answered, or failed to, whichever relay asked: so relays agree, also a new one.
_DUE = f"""
    SELECT id FROM lookalike.webhooks v WHERE EXISTS (SELECT FROM {_READY} AND w.id = v.id)
    ORDER BY greatest(delivered_at, failed_at) NULLS FIRST, id
"""
# It counts as tried from now on: a sender that dies leaves it to the next one, after a while.
_TAKE = f"""
    WITH next AS (
        SELECT d.id FROM {_READY} AND w.id = :webhook_id
        ORDER BY d.next_at, d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE lookalike.webhook_deliveries d
    SET attempts = d.attempts + 1, next_at = now() + make_interval(secs => :lease_s)
    FROM next n, lookalike.webhooks w
    WHERE d.id = n.id AND w.id = d.webhook_id
    RETURNING d.id, d.webhook_id, d.message_id, d.body, d.attempts, w.url, w.secret, w.n_failures,
        CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret
"""
_DELIVERED = """
    UPDATE lookalike.webhooks SET n_delivered = n_delivered + 1, delivered_at = now(),
        n_failures = 0, error = NULL, held_until = NULL
    WHERE id = :webhook_id
"""
# Whoever took it since has the say what becomes of it.
_FAILED = """
    UPDATE lookalike.webhook_deliveries SET error = :error,
        next_at = now() + make_interval(secs => coalesce(:wait_s, 0)),
        died_at = CASE WHEN CAST(:wait_s AS float8) IS NULL THEN now() END
    WHERE id = :id AND attempts = :attempts
"""
_HOLD = """
    UPDATE lookalike.webhooks SET n_failures = n_failures + 1, failed_at = now(), error = :error,
        held_until = now() + make_interval(secs => :hold_s)
    WHERE id = :webhook_id
"""
# A delivery had all its tries, and in all this time nothing else has arrived either.
_GIVE_UP = """
    UPDATE lookalike.webhooks w SET disabled_at = now(), disabled_why = :why
    FROM lookalike.webhook_deliveries d
    WHERE w.id = :webhook_id AND w.disabled_at IS NULL AND d.id = :id AND d.died_at IS NOT NULL
        AND (w.delivered_at IS NULL OR w.delivered_at < d.created_at)
"""
_DISABLE = """
    UPDATE lookalike.webhooks SET disabled_at = now(), disabled_why = :why
    WHERE id = :webhook_id AND disabled_at IS NULL
"""
_FORGET = """
    DELETE FROM lookalike.webhook_{what} o WHERE o.created_at < now() - interval '30 days'
        OR NOT EXISTS (SELECT FROM lookalike.webhooks w WHERE w.id = o.webhook_id)
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery in a sender's hands, with what its webhook says now; `attempts` counts this try.

    `secrets` all sign it; `n_failures` is how often its webhook has failed in a row.
    """

    id: int
    webhook_id: int
    message_id: str
    body: bytes
    attempts: int
    url: str
    secrets: tuple[bytes, ...]
    n_failures: int


def due_webhooks(connection: Connection) -> list[int]:
    """The webhooks that have something to be sent, those first that were served longest ago."""
    return list(connection.scalars(text(_DUE)))


def take(connection: Connection, webhook_id: int, *, lease_s: float) -> Taken | None:
    """The next delivery of a webhook; others may take it again when the lease is over."""
    values = {"webhook_id": webhook_id, "lease_s": lease_s}
    row = connection.execute(text(_TAKE), values).one_or_none()
    if row is None:
        return None
    secrets = tuple(bytes(one) for one in (row.secret, row.old_secret) if one is not None)
    return Taken(
        row.id,
        row.webhook_id,
        f"msg_{row.message_id.hex}",
        row.body.encode(),
        row.attempts,
        row.url,
        secrets,
        row.n_failures,
    )


def delivered(connection: Connection, taken: Taken) -> None:
    """It has arrived: it is deleted, and its webhook is well again."""
    connection.execute(
        text("DELETE FROM lookalike.webhook_deliveries WHERE id = :id"), {"id": taken.id}
    )
    connection.execute(text(_DELIVERED), {"webhook_id": taken.webhook_id})


def failed(
    connection: Connection, taken: Taken, error: str, *, wait_s: float | None, hold_s: float
) -> None:
    """It is tried again after `wait_s`, or, with None, never; others of its webhook after `hold_s`.

    A webhook that took nothing for as long as a delivery was tried is disabled.
    """
    values = {
        "id": taken.id,
        "webhook_id": taken.webhook_id,
        "attempts": taken.attempts,
        "error": error,
        "wait_s": wait_s,
        "hold_s": hold_s,
    }
    connection.execute(text(_FAILED), values)
    connection.execute(text(_HOLD), values)
    if wait_s is None:
        tries = "1 try" if taken.attempts == 1 else f"{taken.attempts} tries, the last"
        why = f"nothing was taken in {tries}: {error}"
        connection.execute(text(_GIVE_UP), {**values, "why": why})


def disable(connection: Connection, webhook_id: int, why: str) -> None:
    """Note nothing more for a webhook, and send nothing, until it is enabled."""
    connection.execute(text(_DISABLE), {"webhook_id": webhook_id, "why": why})


def forget(connection: Connection) -> None:
    """Delete what nobody has taken for a month, and what removed webhooks have left."""
    for what in ("deliveries", "ends"):
        connection.execute(text(_FORGET.format(what=what)))
