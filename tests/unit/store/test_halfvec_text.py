"""Features as Postgres reads them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.store.halfvec_text import halfvec_text


def read(text: str) -> npt.NDArray[np.float64]:
    """As Postgres does: numbers, rounded to halves."""
    halves = np.array(text.strip("[]").split(","), dtype=np.float64).astype(np.float16)
    return halves.astype(np.float64)


def direction(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    exact = values.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact))


KINDS: dict[str, Callable[[np.random.Generator], npt.NDArray[np.float64]]] = {
    "pooled": lambda rng: np.maximum(rng.normal(size=4032), 0),
    "signed": lambda rng: rng.normal(size=4032),
    "long-tailed": lambda rng: rng.standard_t(2, size=4032),
    "one large": lambda rng: np.r_[1e4, rng.random(4031)],
    "tiny": lambda rng: rng.random(4032) * 1e-30,
    "huge": lambda rng: rng.random(4032) * 1e30,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_has_the_direction_of_the_features_as_halves(kind: str) -> None:
    values = KINDS[kind](np.random.default_rng(0))
    mantissa = np.ldexp(values, 15 - int(np.frexp(np.abs(values).max())[1]))
    halves = direction(mantissa.astype(np.float16))
    np.testing.assert_allclose(read(halfvec_text(values)), mantissa.astype(np.float16), atol=1e-4)
    # Of two directions, the distance so far apart: half of its square.
    assert 0.5 * np.sum((direction(read(halfvec_text(values))) - halves) ** 2) < 1e-15


def test_every_half_is_told_from_the_next() -> None:
    bits = np.arange(1 << 15, dtype=np.uint16)
    halves = bits.view(np.float16)
    # Where the largest is 2**15 - 16, nothing is scaled.
    kept = halves[(halves >= 1) & (halves < 2**15)]
    np.testing.assert_array_equal(read(halfvec_text(kept)), kept)
    np.testing.assert_array_equal(read(halfvec_text(-kept)), -kept)


def test_a_power_of_two_changes_nothing() -> None:
    values = np.random.default_rng(0).random(100)
    assert halfvec_text(values) == halfvec_text(values * 2.0**40) == halfvec_text(values / 2.0**40)


def test_the_text_is_short() -> None:
    values = np.maximum(np.random.default_rng(0).normal(size=4032), 0)
    assert len(halfvec_text(values)) < 4 * 4032
