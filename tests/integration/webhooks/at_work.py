"""Jobs that end, couriers that tell of them, and what is left."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from sqlalchemy import text

from lookalike.database import transaction
from lookalike.jobs import Failure, Trace
from lookalike.queue.retries import RetryPolicy
from lookalike.webhooks import deliveries
from lookalike.webhooks.courier import MAX_SENDERS, Courier, Pace
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.operations import Webhooks
from lookalike.webhooks.posting import Poster
from lookalike.webhooks.records import Webhook
from lookalike.webhooks.schedule import Schedule
from tests.integration.installation import Installation, random_features
from tests.integration.webhooks.receiver import LONGEST_S, Received

# As good as at once, and never at an end.
AT_ONCE = Schedule(RetryPolicy(1_000, 0.001, 0.001), max_hold_s=0.001)
ONE_TRY = Schedule(RetryPolicy(1, 0.001, 0.001), max_hold_s=0.001)

# Nothing of a sender outlives its test.
PACE = Pace(poll_s=0.02, end_s=LONGEST_S)

_TABLES = ("webhooks", "webhook_ends", "webhook_deliveries")


@contextmanager
def running(
    house: Installation,
    *,
    schedule: Schedule = AT_ONCE,
    pace: Pace = PACE,
    n: int = 1,
    max_senders: int = MAX_SENDERS,
    allow: str = "127.0.0.1",
) -> Iterator[None]:
    """Couriers that work until the context ends."""
    stop = threading.Event()
    with ExitStack() as ending:
        threads = []
        for _ in range(n):
            poster = ending.enter_context(
                closing(Poster([allow] if allow else [], timeout_s=LONGEST_S))
            )
            courier = Courier(
                house.engine, poster, schedule=schedule, pace=pace, max_senders=max_senders
            )
            threads.append(threading.Thread(target=courier.run, args=(stop,)))
        try:
            for thread in threads:
                thread.start()
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def add(house: Installation, *names: str, collection: str = "shop") -> None:
    list(
        house.client.add_many(
            [f"https://example.org/{name}.jpg" for name in names], collection=collection
        )
    )


def finish(house: Installation, n: int, *, collection: str = "shop", prefix: str = "i") -> None:
    """Add images and embed them, in one commit."""
    add(house, *(f"{prefix}{i}" for i in range(n)), collection=collection)
    house.embed(random_features(n))


def fail(house: Installation, *names: str) -> None:
    add(house, *names)
    jobs = house.claim()
    house.commit(
        [Failure(job, "ImageNotFound", "example.org says 404", None, Trace()) for job in jobs]
    )


def break_a_delivery(house: Installation) -> None:
    """One that was tried for the last time."""
    finish(house, 1)
    gather(house.engine)
    with transaction(house.engine) as connection:
        (number,) = deliveries.due_webhooks(connection)
        taken = deliveries.take(connection, number, lease_s=60)
        assert taken is not None
        deliveries.failed(connection, taken, "HTTP 500", wait_s=None, hold_s=0)


def jobs_in(received: list[Received]) -> list[dict[str, Any]]:
    return [job for one in received for job in json.loads(one.body)["data"]["jobs"]]


def n_rows(house: Installation) -> list[int]:
    with transaction(house.engine) as connection:
        return [
            int(connection.scalar(text(f"SELECT count(*) FROM lookalike.{name}")) or 0)
            for name in _TABLES
        ]


def until(webhooks: Webhooks, condition: Callable[[Webhook], bool]) -> Webhook:
    """The only webhook, once it is as it should be."""
    ticking = threading.Event()
    for _ in range(int(LONGEST_S / 0.02)):
        (webhook,) = webhooks.all()
        if condition(webhook):
            return webhook
        ticking.wait(0.02)
    raise AssertionError(f"it never came: {webhook}")
