"""When a process that died is started again."""

from __future__ import annotations

from lookalike.local.restarts import Restarts


def test_the_pause_doubles_with_each_early_death() -> None:
    restarts = Restarts()
    assert [restarts.pause_s(1) for _ in range(5)] == [0.5, 1, 2, 4, 8]


def test_a_process_that_keeps_dying_early_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.pause_s(1) for _ in range(6)][-1] is None


def test_a_process_that_lived_long_has_the_whole_patience_again() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.pause_s(1)
    assert restarts.pause_s(3600) == 0.5
