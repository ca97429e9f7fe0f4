"""Connections that a pool gives out again, and what is asked on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Engine, create_engine, exc, text

from lookalike.database import open_engine, reading, transaction
from lookalike.database.pooling import try_before_use
from lookalike.errors import StoreUnavailable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, pool_size=2)
    yield engine
    engine.dispose()


def pid(engine: Engine) -> int:
    """Whom a statement comes to."""
    with reading(engine) as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def end(database_url: str, other: int) -> None:
    """Have Postgres close somebody's connection, and wait until it has."""
    operator = open_engine(database_url, pool_size=1)
    with reading(operator) as connection:
        # Waits for the end of the process.
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 60000)"), {"pid": other})
    operator.dispose()


def test_connections_that_postgres_has_closed_are_replaced_at_once(
    engine: Engine, database_url: str
) -> None:
    closed = pid(engine)
    end(database_url, closed)
    assert pid(engine) != closed


def test_only_a_connection_that_was_silent_is_pinged(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:"))
    try_before_use(engine, clock)
    pings: list[object] = []
    monkeypatch.setattr(engine.dialect, "do_ping", pings.append)
    pid(engine)
    pid(engine)
    assert not pings
    clock.now += 60
    pid(engine)
    assert len(pings) == 1
    engine.dispose()


def test_the_connection_used_last_is_used_next(engine: Engine) -> None:
    with reading(engine) as connection:
        pid(engine)
        last = connection.scalar(text("SELECT pg_backend_pid()"))
    assert pid(engine) == last


def test_after_a_refused_statement_others_are_answered(engine: Engine) -> None:
    with reading(engine) as connection:
        with pytest.raises(exc.DataError):
            connection.execute(text("SELECT 1 / 0"))
        assert connection.scalar(text("SELECT 1")) == 1


def test_transactions_stay_transactions_on_a_connection_that_was_read_on(engine: Engine) -> None:
    before = pid(engine)
    with suppress(KeyError), transaction(engine) as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == before
        connection.execute(text("CREATE TABLE undone ()"))
        raise KeyError
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT to_regclass('undone')")) is None


def test_a_connection_that_is_lost_while_it_is_read_on_is_an_outage(
    engine: Engine, database_url: str
) -> None:
    def ask() -> None:
        with reading(engine) as connection:
            end(database_url, int(connection.scalar(text("SELECT pg_backend_pid()")) or 0))
            connection.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable):
        ask()
    assert pid(engine)
