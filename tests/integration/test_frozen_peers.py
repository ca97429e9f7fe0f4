"""A process that is frozen, or lost with its machine, in the midst of a transaction."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from lookalike.database import connections, open_engine, transaction
from lookalike.jobs import Lane
from lookalike.queue import leases, windows
from lookalike.queue.retries import RetryPolicy
from tests.integration.installation import Installation


@pytest.fixture
def house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(connections, "_SESSION", connections._SESSION.replace("60s", "1s"))
    house = Installation.on(database_url)
    yield house
    house.close()


def test_its_locks_do_not_hold_up_the_relay(house: Installation) -> None:
    house.client.add("https://example.org/1.png")
    with transaction(house.engine) as connection:
        (chunk,) = windows.lease_jobs(
            connection, house.space_id, Lane.BULK, n=1, chunk_size=1, lease_s=0
        )
        (job,) = leases.claim(connection, chunk, worker="frozen", lease_s=0)
    frozen = house.engine.connect()
    frozen.execute(text("SELECT FROM lookalike.jobs WHERE id = :id FOR UPDATE"), {"id": job.id})
    with transaction(house.engine) as connection:
        expired = leases.take_back_expired(connection, RetryPolicy(5, 1, 1))
    assert expired.n_retried == 1
    frozen.invalidate()
    frozen.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds what is not confirmed")
def test_what_was_sent_and_never_confirmed_fails_within_half_a_minute(database_url: str) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        wire = socket.socket(fileno=connection.connection.fileno())
        timeout_ms = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        wire.detach()
    engine.dispose()
    assert timeout_ms == 30_000
