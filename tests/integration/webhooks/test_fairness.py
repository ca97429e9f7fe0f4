"""Webhooks that have more to be told than there are senders: each has its turn."""

from __future__ import annotations

from collections import Counter

from lookalike.database import transaction
from lookalike.webhooks import deliveries
from lookalike.webhooks.courier import Pace
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.operations import Webhooks
from tests.integration.installation import Installation
from tests.integration.webhooks.at_work import finish, running
from tests.integration.webhooks.receiver import LONGEST_S, Receiver

# A turn is one delivery, and whatever comes comes by one round: the next is too late for a test.
ONE_ROUND = Pace(poll_s=2 * LONGEST_S, turn_s=0, end_s=LONGEST_S)
MANY_ROUNDS = Pace(poll_s=0.001, turn_s=0, end_s=LONGEST_S)


def fill(house: Installation, collection: str, n: int) -> None:
    """That many deliveries of a collection's webhook."""
    for i in range(n):
        finish(house, 1, collection=collection, prefix=f"{i} ")
        gather(house.engine)


def busy_and_waiting(house: Installation, receiver: Receiver, webhooks: Webhooks) -> None:
    """One webhook with six deliveries, then one with two."""
    for name, n in (("busy", 6), ("waiting", 2)):
        finish(house, 1, collection=name, prefix="before")
        webhooks.add(f"{receiver.address}/{name}", collection=name, every_s=0)
        fill(house, name, n)


def paths(receiver: Receiver, n: int) -> list[str]:
    return [one.path for one in receiver.wait_for(n)]


def test_a_busy_webhook_gives_way_to_one_that_waits(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    busy_and_waiting(house, receiver, webhooks)
    with running(house, pace=ONE_ROUND, max_senders=1):
        came = paths(receiver, 8)
    assert came == ["/busy", "/waiting"] * 2 + ["/busy"] * 4


def test_it_gives_way_however_often_couriers_look(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    busy_and_waiting(house, receiver, webhooks)
    with running(house, pace=MANY_ROUNDS, max_senders=1):
        came = paths(receiver, 8)
    assert "/waiting" in came[:4]
    assert Counter(came) == {"/busy": 6, "/waiting": 2}


def test_within_its_turn_a_busy_webhook_keeps_its_sender(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    busy_and_waiting(house, receiver, webhooks)
    with running(house, pace=Pace(turn_s=LONGEST_S), max_senders=1):
        assert paths(receiver, 8) == ["/busy"] * 6 + ["/waiting"] * 2


def test_who_was_served_longest_ago_comes_first(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    busy_and_waiting(house, receiver, webhooks)
    busy, waiting = (one.id for one in webhooks.all())
    with transaction(house.engine) as connection:
        assert deliveries.due_webhooks(connection) == [busy, waiting]
        taken = deliveries.take(connection, busy, lease_s=60)
        assert taken is not None
        deliveries.delivered(connection, taken)
    with transaction(house.engine) as connection:
        assert deliveries.due_webhooks(connection) == [waiting, busy]
        taken = deliveries.take(connection, waiting, lease_s=60)
        assert taken is not None
        # A failure is a turn like any other.
        deliveries.failed(connection, taken, "HTTP 500", wait_s=0, hold_s=0)
    with transaction(house.engine) as connection:
        assert deliveries.due_webhooks(connection) == [busy, waiting]
