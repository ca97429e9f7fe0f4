"""One call for many, which nobody has to wait for to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lookalike.sources.shared_call import SharedCall


class Slow:
    """A call that takes as long as the test wants, and counts."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.n_calls = 0

    def __call__(self) -> int:
        self.n_calls += 1
        self.may_end.wait(60)
        return self.n_calls


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.may_end.set()


def test_a_call_that_hangs_is_left_and_not_made_twice(slow: Slow) -> None:
    call = SharedCall(slow)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            call.result(0.01)
    slow.may_end.set()
    assert call.result(60) == slow.n_calls == 1


def test_an_answer_is_not_kept(slow: Slow) -> None:
    slow.may_end.set()
    call = SharedCall(slow)
    assert [call.result(60), call.result(60)] == [1, 2]


def test_what_the_call_raises_reaches_who_waits() -> None:
    def fail() -> int:
        raise ValueError("no")

    call = SharedCall(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            call.result(60)
