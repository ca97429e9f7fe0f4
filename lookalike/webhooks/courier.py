"""The courier: gathers what has ended and sends it, a sender for each webhook that has something.

So a receiver that takes fifteen seconds for each request, or is dead, is waited
for by one thread alone. Where more webhooks have something than there are
senders, they take turns. Any number of couriers may run side by side.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from lookalike.database import open_engine, transaction
from lookalike.errors import LookalikeError
from lookalike.settings import Settings
from lookalike.telemetry.probes import missing_round
from lookalike.webhooks import deliveries
from lookalike.webhooks.deliveries import Taken
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.posting import TIMEOUT_S, Poster
from lookalike.webhooks.schedule import Schedule
from lookalike.webhooks.signing import headers_of
from lookalike.webhooks.turns import Turns

# Beyond it webhooks take turns; nearly all that are down are held, and have no sender.
MAX_SENDERS = 32
_MAX_OUTAGE_S = 10.0
# A round takes milliseconds and comes twice a second; seconds, where every webhook has much.
_READY_S = 60.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a courier looks, and for how long it waits.

    What was taken and neither arrived nor failed is sent again after
    `lease_s`: longer than a request can take, so that none is sent twice as
    long as its sender lives. Where others wait for a sender, one leaves its
    webhook after `turn_s`, with the request that is under way. At the courier's
    end what is under way is waited for `end_s`; what that cuts off is sent
    again, too.
    """

    poll_s: float = 0.5
    # Hundreds of requests to a receiver that is quick, so that a connection is worth its making,
    # and one to a slow one.
    turn_s: float = 5.0
    lease_s: float = 4 * TIMEOUT_S
    end_s: float = 5.0


class Courier:
    """Gathers and sends until it is stopped; `run` is its main thread's."""

    def __init__(
        self,
        engine: Engine,
        poster: Poster,
        *,
        schedule: Schedule = Schedule(),  # noqa: B008 - frozen
        pace: Pace = Pace(),
        max_senders: int = MAX_SENDERS,
    ) -> None:
        self._engine = engine
        self._poster = poster
        self._schedule = schedule
        self._pace = pace
        self._max_senders = max_senders
        self._turns = Turns()
        self._senders: list[threading.Thread] = []
        self.last_round: float | None = None
        """By the monotonic clock: when the last round succeeded."""

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop` is set; whatever fails is logged and tried again after a pause."""
        pause_s = self._pace.poll_s
        while not stop.is_set():
            try:
                self.run_once(stop)
                pause_s = self._pace.poll_s
            except LookalikeError as error:
                log.warning("webhooks outage", error=error.reason, message=str(error))
                pause_s = min(_MAX_OUTAGE_S, pause_s * 2)
            except Exception:
                # No more threads, a server that only reads: the next round may succeed, and
                # without this thread no delivery would leave this relay again.
                log.exception("webhooks failed")
                pause_s = min(_MAX_OUTAGE_S, pause_s * 2)
            stop.wait(pause_s)
        until = time.monotonic() + self._pace.end_s
        for sender in self._senders:
            sender.join(max(0.0, until - time.monotonic()))

    def run_once(self, stop: threading.Event) -> None:
        """Gather, and see that senders come to each webhook that has something to be sent."""
        gather(self._engine, stop)
        self._see_to_senders(stop)
        self.last_round = time.monotonic()

    def missing(self) -> list[str]:
        """Why webhooks may be told nothing; nothing, if a round has succeeded lately."""
        return missing_round(self.last_round, within_s=_READY_S, of="webhooks")

    def _see_to_senders(self, stop: threading.Event) -> None:
        with transaction(self._engine) as connection:
            due = deliveries.due_webhooks(connection)
        self._turns.line_up(due)
        self._senders = [sender for sender in self._senders if sender.is_alive()]
        n_free = self._max_senders - len(self._senders)
        for _ in range(min(self._turns.n_waiting, n_free)):
            self._senders.append(self._start(stop))

    def _start(self, stop: threading.Event) -> threading.Thread:
        # A daemon: a process that has to end does not wait for a receiver.
        sender = threading.Thread(
            target=self._work, args=(stop,), name="webhook sender", daemon=True
        )
        sender.start()
        return sender

    def _work(self, stop: threading.Event) -> None:
        """One turn after the other, until no webhook waits for a sender."""
        while not stop.is_set() and (webhook_id := self._turns.begin()) is not None:
            has_more = self._send(webhook_id, stop)
            self._turns.end(webhook_id, has_more=has_more)

    def _send(self, webhook_id: int, stop: threading.Event) -> bool:
        """One delivery after the other, until there is none, one fails, or it is others' turn.

        True where it is left for the sake of others, and so may have more.
        """
        until = time.monotonic() + self._pace.turn_s
        try:
            while not stop.is_set():
                with transaction(self._engine) as connection:
                    taken = deliveries.take(connection, webhook_id, lease_s=self._pace.lease_s)
                if taken is None or not self._deliver(taken):
                    return False
                if self._turns.n_waiting and time.monotonic() >= until:
                    return True
        except LookalikeError as error:
            log.warning("webhooks outage", error=error.reason, message=str(error))
        except Exception:
            # What it had taken is sent again when its lease is over, by another sender.
            log.exception("webhooks failed", webhook=webhook_id)
        return False

    def _deliver(self, taken: Taken) -> bool:
        signed = headers_of(taken.message_id, taken.body, taken.secrets, at_s=time.time())
        answer = self._poster.post(taken.url, signed, taken.body)
        with transaction(self._engine) as connection:
            if answer.is_taken:
                deliveries.delivered(connection, taken)
                return True
            jitter = random.random()  # noqa: S311
            deliveries.failed(
                connection,
                taken,
                answer.error,
                wait_s=self._schedule.wait_s(taken.attempts, jitter),
                hold_s=self._schedule.hold_s(
                    taken.n_failures + 1, jitter, retry_after_s=answer.retry_after_s
                ),
            )
            if answer.is_gone:
                deliveries.disable(connection, taken.webhook_id, "it answered HTTP 410, Gone")
        log.warning(
            "webhook failed",
            webhook=taken.webhook_id,
            delivery=taken.id,
            attempt=taken.attempts,
            error=answer.error,
        )
        return False


@contextmanager
def delivering(settings: Settings) -> Iterator[Courier]:
    """Gather and send, in threads of their own, while the context lasts.

    Raises InvalidSetting for a wrong entry of LOOKALIKE_ALLOW_HOSTS.
    """
    poster = Poster(settings.allow_hosts)
    engine = open_engine(settings.require_database(), application="lookalike webhooks")
    stop = threading.Event()
    courier = Courier(engine, poster)
    thread = threading.Thread(target=courier.run, args=(stop,), name="webhooks")
    thread.start()
    try:
        yield courier
    finally:
        stop.set()
        thread.join()
        poster.close()
        engine.dispose()
