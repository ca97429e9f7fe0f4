"""Seconds of what a device does, where a call returns before the work is done."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

_N_ROUNDS = 3


def seconds_a_call(
    call: Callable[[], Any], wait: Callable[[Any], Any], *, budget_s: float
) -> float:
    """The median of three rounds of calls in a row, each waited for at its end only."""
    for _ in range(2):
        wait(call())
    started = time.perf_counter()
    wait(call())
    once = time.perf_counter() - started
    n_calls = max(1, round(budget_s / _N_ROUNDS / max(once, 1e-6)))
    return statistics.median(_round(call, wait, n_calls) for _ in range(_N_ROUNDS))


def _round(call: Callable[[], Any], wait: Callable[[Any], Any], n_calls: int) -> float:
    started = time.perf_counter()
    for _ in range(n_calls):
        result = call()
    wait(result)
    return (time.perf_counter() - started) / n_calls
