"""When a delivery is tried again, and for how long others are held back."""

from __future__ import annotations

import pytest

from lookalike.webhooks.schedule import Schedule

SCHEDULE = Schedule()


@pytest.mark.parametrize(("jitter", "days"), [(0.0, 1.5), (0.999999, 3.0)])
def test_a_delivery_is_tried_for_days(jitter: float, days: float) -> None:
    waits = [SCHEDULE.wait_s(attempts, jitter) for attempts in range(1, 24)]
    assert waits[0] == pytest.approx(2.5 if jitter == 0 else 5, rel=0.01)
    assert sum(wait or 0.0 for wait in waits) == pytest.approx(86_400 * days, rel=0.02)
    assert SCHEDULE.wait_s(24, jitter) is None


def test_others_are_held_for_minutes_at_most() -> None:
    holds = [SCHEDULE.hold_s(n, 0.999999) for n in (1, 2, 3, 10, 1_000_000)]
    assert holds == pytest.approx([5, 10, 20, 300, 300], rel=0.01)


def test_a_receiver_may_ask_for_more_time() -> None:
    assert SCHEDULE.hold_s(1, 0.5, retry_after_s=600) == 600
