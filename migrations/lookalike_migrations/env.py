"""Alembic's entry: connect, take the lock, run the versions."""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text

# Any number will do, so long as it never changes: "lookalik" as 8 bytes.
MIGRATION_LOCK = 0x6C6F6F6B616C696B


def _run() -> None:
    url = str(context.config.attributes["database_url"])
    # Whatever scheme was given (postgres, postgresql), this is the driver that is installed.
    # No pool: where a version fails, the connection closes and so gives the lock back.
    engine = create_engine("postgresql+psycopg2://" + url.partition("://")[2], poolclass=NullPool)
    with engine.connect() as connection:
        _take_lock(connection)
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS lookalike"))
        connection.commit()
        context.configure(
            connection=connection, version_table_schema="lookalike", transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def _take_lock(connection: Connection) -> None:
    # By asking again and again: whoever waits inside a statement holds a snapshot, and an index
    # that is built concurrently waits for just that.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}):
        connection.rollback()
        time.sleep(0.2)


_run()
