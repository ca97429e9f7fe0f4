"""Gathering: what has ended becomes deliveries, each of many jobs of one collection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from lookalike.database import transaction

MOST_JOBS = 200
"""In one delivery: some 20 kB, which receivers take without a setting of theirs."""

EVENT = "jobs.ended"
"""The type of such a delivery: a wire contract."""

# Rows that one transaction gathers; each has the jobs of one statement, often of one batch.
_MOST_ROWS = 500

# The first end after a quiet time is told at once; more of them `every_s` later, or when they fill
# a delivery.
_DUE = """
    FROM lookalike.webhooks w
    WHERE w.disabled_at IS NULL
        AND EXISTS (SELECT FROM lookalike.webhook_ends e WHERE e.webhook_id = w.id)
        AND (w.gathered_at IS NULL
             OR w.gathered_at <= now() - make_interval(secs => w.every_s)
             OR :most_jobs <= (
                SELECT sum(jsonb_array_length(f.jobs)) FROM (
                    SELECT e.jobs FROM lookalike.webhook_ends e
                    WHERE e.webhook_id = w.id ORDER BY e.id LIMIT :most_jobs) f))
"""
# Those first that have waited longest: a relay that gets only so far begins elsewhere next time.
_ALL_DUE = f"SELECT w.id {_DUE} ORDER BY w.gathered_at NULLS FIRST, w.id"
# Of relays that gather at the same moment, one takes this webhook, and the others find it done.
_LOCK = f"SELECT now() {_DUE} AND w.id = :id FOR NO KEY UPDATE OF w SKIP LOCKED"
# Ends that are locked are about to be erased or forgotten. They are never waited for: an erasure
# locks those of one collection, and so without their webhooks.
_TAKE = """
    DELETE FROM lookalike.webhook_ends WHERE id = ANY (ARRAY (
        SELECT id FROM lookalike.webhook_ends WHERE webhook_id = :id
        ORDER BY id LIMIT :n FOR UPDATE SKIP LOCKED
    )) RETURNING id, collection_id, jobs
"""
_NAMES = "SELECT id, name FROM lookalike.collections WHERE id = ANY(:ids)"
_ADD = """
    INSERT INTO lookalike.webhook_deliveries (webhook_id, collection_id, body, n_jobs)
    VALUES (:webhook_id, :collection_id, :body, :n_jobs)
"""


def gather(engine: Engine, stop: threading.Event | None = None) -> int:
    """Make deliveries of what has ended, where it is time; how many. Relays call it.

    Each webhook has its turn once, however fast jobs end meanwhile, and each
    turn is a transaction. Once `stop` is set, no other begins.
    """
    with transaction(engine) as connection:
        due = connection.scalars(text(_ALL_DUE), {"most_jobs": MOST_JOBS}).all()
    n_made = 0
    for webhook_id in due:
        if stop is not None and stop.is_set():
            break
        with transaction(engine) as connection:
            n_made += _gather(connection, webhook_id)
    return n_made


def _gather(connection: Connection, webhook_id: int) -> int:
    at = connection.scalar(text(_LOCK), {"id": webhook_id, "most_jobs": MOST_JOBS})
    if at is None:
        return 0
    taken = connection.execute(text(_TAKE), {"id": webhook_id, "n": _MOST_ROWS}).all()
    if not taken:
        return 0
    ended = _by_collection(taken)
    names = {
        row.id: row.name for row in connection.execute(text(_NAMES), {"ids": list(ended)}).all()
    }
    made = [
        {
            "webhook_id": webhook_id,
            "collection_id": collection_id,
            "body": write_event(at, names[collection_id], jobs),
            "n_jobs": len(jobs),
        }
        for collection_id, every in ended.items()
        # One that was erased meanwhile has nothing that could be asked for.
        if collection_id in names
        for jobs in _portions(every)
    ]
    if made:
        connection.execute(text(_ADD), made)
    connection.execute(
        text("UPDATE lookalike.webhooks SET gathered_at = now() WHERE id = :id"),
        {"id": webhook_id},
    )
    return len(made)


def write_event(at: datetime, collection: str, jobs: Sequence[Mapping[str, Any]]) -> str:
    """A delivery's body. It has ids and no references: those would outlive an erasure."""
    event = {
        "type": EVENT,
        "timestamp": at.isoformat(),
        "data": {"collection": collection, "jobs": list(jobs)},
    }
    return json.dumps(event, separators=(",", ":"))


def _by_collection(rows: Sequence[Row[Any]]) -> dict[int, list[Mapping[str, Any]]]:
    ended: dict[int, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        ended.setdefault(row.collection_id, []).extend(row.jobs)
    return ended


def _portions(jobs: list[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    for i in range(0, len(jobs), MOST_JOBS):
        yield jobs[i : i + MOST_JOBS]
