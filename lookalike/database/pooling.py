"""A pool's connections are tried before they are given out again, mostly without asking Postgres.

A ping is a round trip, which a search by an index cannot spare. What Postgres has closed, by a
restart or by hand, can be read as ended at once: nobody has to be asked for that.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

import psycopg2
from sqlalchemy import Engine, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# What no closing tells of, such as a firewall that forgot the connection, comes of longer silence.
_TRUSTED_S = 1.0

_IDLE_SINCE = "lookalike_idle_since"

Clock = Callable[[], float]


def try_before_use(engine: Engine, clock: Clock = time.monotonic) -> None:
    """Replace an engine's broken connections as they are asked for, as `pool_pre_ping` would."""

    def note(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_IDLE_SINCE] = clock()

    def check(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        idle_since = entry.info.get(_IDLE_SINCE)
        # A new one has been used by none.
        if idle_since is None:
            return
        try:
            if clock() - idle_since > _TRUSTED_S or _has_news(connection):
                engine.dialect.do_ping(connection)
        except psycopg2.Error as error:
            # The others are likely as old: they are all replaced.
            raise exc.InvalidatePoolError from error

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", check)


def _has_news(connection: DBAPIConnection) -> bool:
    """Whether something came while nothing was asked: nearly always, that this is the end."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
