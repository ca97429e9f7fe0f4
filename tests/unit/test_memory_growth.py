"""What the soak test calls a leak."""

from __future__ import annotations

import numpy as np

from tests.soak.memory import growth

SECONDS = np.arange(0, 1800, 2.0)
MIB = 2**20


def test_a_steady_growth_is_found_under_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 1, len(SECONDS))
    found = growth(list(SECONDS), list((100 + SECONDS / 3600 * 30 + noise) * MIB))
    assert abs(found.mib_per_h - 30) < 3 * found.noise
    assert found.is_leak(bound=10)


def test_what_grows_at_the_beginning_only_is_no_leak() -> None:
    assert not growth(list(SECONDS), list(np.minimum(SECONDS, 600) * MIB)).is_leak(bound=10)
