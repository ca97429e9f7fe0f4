"""Waiting until no transaction is left that began before something changed."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from lookalike.database.connections import transaction

_EVERY_S = 0.05

_IS_LEFT = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend' AND xact_start < :moment {which}
    )
"""
# Between two statements, a transaction at the usual isolation holds none.
_WITH_SNAPSHOT = "AND backend_xmin IS NOT NULL"


def moment(connection: Connection) -> datetime:
    """The database's clock, as it stands; take it after the change is committed."""
    now = connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(now, datetime)
    return now


def wait_for_older(
    engine: Engine, before: datetime, *, snapshots_only: bool, timeout_s: float
) -> bool:
    """Wait for the transactions that began before a moment; whether all have ended.

    `snapshots_only`: for those that may still see what was there, not for
    those that may remember what they saw.
    """
    statement = text(_IS_LEFT.format(which=_WITH_SNAPSHOT if snapshots_only else ""))
    deadline = time.monotonic() + timeout_s
    while True:
        with transaction(engine) as connection:
            if not connection.scalar(statement, {"moment": before}):
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_EVERY_S)
