"""Whose turn it is, where more webhooks have something to be sent than there are senders."""

from __future__ import annotations

from lookalike.webhooks.turns import Turns


def lined_up(*due: int) -> Turns:
    turns = Turns()
    turns.line_up(due)
    return turns


def test_turns_go_by_the_line() -> None:
    turns = lined_up(3, 1, 2)
    assert [turns.begin() for _ in range(4)] == [3, 1, 2, None]
    assert turns.n_waiting == 0


def test_one_that_has_more_waits_behind_all_others() -> None:
    turns = lined_up(1, 2)
    assert turns.begin() == 1
    turns.end(1, has_more=True)
    assert turns.n_waiting == 2
    assert [turns.begin(), turns.begin()] == [2, 1]


def test_one_that_has_nothing_more_waits_no_longer() -> None:
    turns = lined_up(1)
    assert turns.begin() == 1
    turns.end(1, has_more=False)
    assert turns.begin() is None


def test_one_that_has_a_turn_does_not_wait_for_another() -> None:
    turns = lined_up(1)
    assert turns.begin() == 1
    turns.line_up([2, 1])
    assert [turns.begin(), turns.begin()] == [2, None]
    turns.end(1, has_more=False)
    turns.line_up([1])
    assert turns.begin() == 1


def test_who_is_due_no_longer_leaves_the_line() -> None:
    turns = lined_up(1, 2)
    turns.line_up([2, 3])
    assert [turns.begin() for _ in range(3)] == [2, 3, None]
