"""Webhooks where something goes wrong on our side, or at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from lookalike.collections.erasure import erase_collection
from lookalike.database import open_engine, transaction
from lookalike.webhooks.deliveries import forget
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.operations import Webhooks
from tests.integration.installation import Installation
from tests.integration.webhooks.at_work import finish, n_rows, running, until
from tests.integration.webhooks.receiver import LONGEST_S, receiving

_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_LOCKS_A_WEBHOOK = "FOR NO KEY UPDATE OF w"
_TAKES_ENDS = "DELETE FROM lookalike.webhook_ends"
_ADDS_DELIVERIES = "INSERT INTO lookalike.webhook_deliveries"


@pytest.fixture
def gatherer(module_database_url: str) -> Iterator[Engine]:
    """An engine of somebody else's."""
    engine = open_engine(module_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def webhooks(house: Installation) -> Webhooks:
    """By the engine whose statements are listened to."""
    return Webhooks(house.engine)


def before(engine: Engine, words: str, act: Callable[[Any], object], *, times: int = 1) -> None:
    """Act, with the cursor, before the first statements with these words."""
    left = [None] * times

    def listen(_: object, cursor: Any, statement: str, *__: object) -> None:
        if words in statement and left:
            left.pop()
            act(cursor)

    event.listen(engine, "before_cursor_execute", listen)


def wait_for_somebody_waiting(engine: Engine) -> None:
    ticking = threading.Event()
    for _ in range(int(LONGEST_S / 0.02)):
        with transaction(engine) as connection:
            if connection.scalar(text(_WAITING)):
                return
        ticking.wait(0.02)
    raise AssertionError("nobody waits for a lock")


def gather_beside(gatherer: Engine, deleting: Engine, delete: Callable[[], object]) -> list[int]:
    """Delete while another gathers: he has the webhook, and goes on when this waits for it.

    How many deliveries he has made.
    """
    made: list[int] = []
    has_webhook = threading.Event()
    thread = threading.Thread(target=lambda: made.append(gather(gatherer)))

    def start(_: object) -> None:
        thread.start()
        assert has_webhook.wait(LONGEST_S)

    def hold(_: object) -> None:
        has_webhook.set()
        wait_for_somebody_waiting(gatherer)

    before(deleting, "DELETE FROM lookalike.webhook_deliveries", start)
    before(gatherer, _TAKES_ENDS, hold)
    try:
        delete()
    finally:
        thread.join()
    return made


def check_nothing_is_left(house: Installation) -> None:
    """But what is forgotten now and then."""
    with transaction(house.engine) as connection:
        forget(connection)
    assert n_rows(house) == [0, 0, 0]


def test_a_webhook_is_removed_while_it_is_gathered(
    house: Installation, gatherer: Engine, webhooks: Webhooks
) -> None:
    made = webhooks.add("https://example.org")
    finish(house, 1)
    assert gather_beside(gatherer, house.engine, lambda: webhooks.remove(made.webhook.id)) == [1]
    check_nothing_is_left(house)


def test_a_collection_is_erased_while_its_webhook_is_gathered(
    house: Installation, gatherer: Engine, webhooks: Webhooks
) -> None:
    finish(house, 1)
    webhooks.add("https://example.org", collection="shop")
    finish(house, 1, prefix="told")
    assert gather_beside(
        gatherer, house.engine, lambda: erase_collection(house.engine, "shop")
    ) == [1]
    check_nothing_is_left(house)


def test_ends_that_somebody_deletes_are_not_waited_for(
    house: Installation, gatherer: Engine, webhooks: Webhooks
) -> None:
    webhooks.add("https://example.org", every_s=0)
    finish(house, 1)
    finish(house, 1, collection="hats")
    with transaction(house.engine) as connection:
        connection.execute(text("DELETE FROM lookalike.webhook_ends WHERE collection_id = 1"))
        assert gather(gatherer) == 1
        assert gather(gatherer) == 0
        connection.rollback()
    assert gather(gatherer) == 1


def test_jobs_that_end_while_others_are_gathered_wait_for_the_next_round(
    house: Installation, gatherer: Engine, webhooks: Webhooks
) -> None:
    for path in ("a", "b"):
        webhooks.add(f"https://example.org/{path}", every_s=0)
    finish(house, 1)
    names = iter("abcdefghij")
    # Ten times, so that a round that goes on ends some time and the test fails.
    before(gatherer, _ADDS_DELIVERIES, lambda _: finish(house, 1, prefix=next(names)), times=10)
    gather(gatherer)
    assert [one.webhook_id for one in webhooks.deliveries()] == [1, 2]
    assert next(names) == "c"


def test_who_has_to_stop_gathers_no_other_webhook(
    house: Installation, gatherer: Engine, webhooks: Webhooks
) -> None:
    for path in ("a", "b"):
        webhooks.add(f"https://example.org/{path}")
    finish(house, 1)
    stop = threading.Event()
    before(gatherer, _ADDS_DELIVERIES, lambda _: stop.set())
    assert gather(gatherer, stop) == 1
    assert gather(gatherer, stop) == 0
    assert n_rows(house) == [2, 1, 1]


@pytest.mark.parametrize("words", [_LOCKS_A_WEBHOOK, "WITH next AS"])
def test_after_a_failover_to_a_server_that_only_reads_couriers_go_on(
    house: Installation, webhooks: Webhooks, words: str
) -> None:
    before(house.engine, words, lambda cursor: cursor.execute("SET TRANSACTION READ ONLY"))
    with receiving() as receiver:
        webhooks.add(receiver.address)
        finish(house, 1)
        with running(house):
            receiver.wait_for(1)
            until(webhooks, lambda webhook: webhook.n_delivered == 1)


def test_couriers_go_on_where_no_thread_could_be_started(
    house: Installation, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    refused: list[threading.Thread] = []

    def refuse_once(thread: threading.Thread) -> None:
        if thread.name.startswith("webhook ") and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    with receiving() as receiver:
        webhooks.add(receiver.address)
        finish(house, 1)
        with running(house):
            receiver.wait_for(1)
            until(webhooks, lambda webhook: webhook.n_delivered == 1)
    assert len(refused) == 1
