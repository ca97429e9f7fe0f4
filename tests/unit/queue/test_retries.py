"""The retry policy."""

from lookalike.queue.retries import RetryPolicy

POLICY = RetryPolicy(max_attempts=5, backoff_s=2, max_backoff_s=10)


def test_the_backoff_doubles_up_to_its_limit() -> None:
    waits = [POLICY.wait_s(attempts, 1.0) for attempts in (1, 2, 3, 4)]
    assert waits == [2, 4, 8, 10]


def test_jitter_keeps_at_least_half_of_the_backoff() -> None:
    assert POLICY.wait_s(1, 0.0) == 1
    assert POLICY.wait_s(1, 0.5) == 1.5


def test_no_further_try_after_the_last_attempt() -> None:
    assert POLICY.wait_s(5, 0.0) is None
