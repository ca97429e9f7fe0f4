"""How fast rows came, whatever the bursts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.pipeline.steady import steady_rate


def test_bursts_do_not_change_the_rate() -> None:
    # A commit of 64 rows every 25 ms.
    moments = np.repeat(np.arange(200) * 0.025, 64).tolist()
    assert steady_rate(moments, since=1.0) == pytest.approx(64 / 0.025, rel=0.005)


def test_a_slow_start_and_a_slow_end_do_not_count() -> None:
    start, steady = np.linspace(0, 10, 100), np.linspace(10, 20, 2000)
    moments = [*start, *steady, *np.linspace(20, 60, 100)]
    assert steady_rate(moments, since=10.0) == pytest.approx(200, rel=0.02)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="give more images"):
        steady_rate([float(n) for n in range(9)], since=7.0)
