"""Whether a worker gets on when it should, by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lookalike_worker.watchdog import Seen, Watchdog

LEASE_S = 60.0
STUCK_S = 300.0
IDLE = Seen(n_claimed=0, n_finished=0, n_held=0, waiting_s=None, n_beats=0)


@dataclass
class Worker:
    """A worker under watch, a minute of which takes no time."""

    now: float = 1000.0
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(STUCK_S, lease_s=LEASE_S, now=self.now)

    def live(self, seconds: float, at: Callable[[float], Seen | None]) -> float | None:
        """Look every second at what it shows then; how soon it had to exit, if it had to."""
        for second in range(1, round(seconds) + 1):
            self.now += 1
            seen = at(float(second))
            self.watchdog.look(seen and replace(seen, n_beats=second), self.now)
            if self.watchdog.verdict(self.now):
                return second
        return None


def test_an_idle_worker_may_idle_for_ever() -> None:
    worker = Worker()
    assert worker.live(10_000, lambda _: IDLE) is None
    assert worker.watchdog.fault(worker.now) is None


def test_a_worker_that_finishes_is_never_stuck_however_long_the_backlog() -> None:
    def busy(second: float) -> Seen:
        n_finished = int(second // 100)
        return Seen(n_finished + 64, n_finished, 64, 30.0, 0)

    assert Worker().live(5000, busy) is None


def test_an_encoder_call_that_never_returns_ends_the_worker() -> None:
    ended = Worker().live(1000, lambda _: Seen(8, 0, 8, None, 0))
    assert ended is not None
    assert STUCK_S <= ended <= STUCK_S + 5


def test_the_worker_is_not_ready_long_before_it_exits() -> None:
    worker = Worker()
    assert worker.live(0.4 * STUCK_S, lambda _: Seen(8, 0, 8, None, 0)) is None
    assert worker.watchdog.fault(worker.now) is None
    assert worker.live(0.2 * STUCK_S, lambda _: Seen(8, 0, 8, None, 0)) is None
    assert "8 jobs held" in str(worker.watchdog.fault(worker.now))


def test_a_worker_that_gets_no_messages_ends_though_leases_are_renewed_by_the_relay() -> None:
    # A lease runs out after a minute; until the relay's next round nothing is published.
    def deaf(second: float) -> Seen:
        age_s = second % LEASE_S
        return replace(IDLE, waiting_s=age_s if age_s >= 1 else None)

    ended = Worker().live(1000, deaf)
    assert ended is not None
    assert ended <= STUCK_S + 10


def test_others_that_take_all_of_a_small_backlog_do_no_harm() -> None:
    # Whenever it looks something waits, but nothing waits for long.
    assert Worker().live(5000, lambda s: replace(IDLE, waiting_s=0.1 + s % 3)) is None


def test_a_message_that_a_dead_worker_took_along_does_no_harm() -> None:
    # Its lease runs out; others take whatever comes after it at once.
    def lost(second: float) -> Seen:
        return replace(IDLE, waiting_s=second if second < LEASE_S else 0.2)

    assert Worker().live(5000, lost) is None


def test_a_dead_relay_does_no_harm() -> None:
    # Leases that have run out are not counted, so nothing waits any more.
    def dying(second: float) -> Seen:
        return replace(IDLE, waiting_s=second if second < LEASE_S else None)

    assert Worker().live(5000, dying) is None


def test_an_outage_of_postgres_ends_no_worker_that_holds_jobs() -> None:
    worker = Worker()
    held = Seen(8, 0, 8, None, 0)
    assert worker.live(200, lambda _: held) is None
    assert worker.live(2000, lambda _: None) is None
    assert "Postgres" in str(worker.watchdog.fault(worker.now))
    assert worker.live(200, lambda _: held) is None, "the outage's time was counted"


def test_a_process_that_was_halted_gets_its_time_again() -> None:
    worker = Worker()
    held = Seen(8, 0, 8, None, 0)
    worker.live(100, lambda _: held)
    worker.now += 3600
    assert worker.live(250, lambda _: held) is None
    assert worker.live(100, lambda _: held) is not None


def test_a_heartbeat_that_stops_ends_the_worker() -> None:
    worker = Worker()
    worker.watchdog.look(IDLE, worker.now)
    for _ in range(320):
        worker.now += 1
        worker.watchdog.look(IDLE, worker.now)
    assert "heartbeat" in str(worker.watchdog.verdict(worker.now))


def test_a_bound_that_is_shorter_than_a_lease_waits_for_the_lease() -> None:
    watchdog = Watchdog(1, lease_s=LEASE_S, now=0)
    watchdog.look(IDLE, 0)
    for second in range(1, 80):
        beating = Seen(8, 0, 8, None, second)
        watchdog.look(beating, second)
    assert watchdog.verdict(80) is None
