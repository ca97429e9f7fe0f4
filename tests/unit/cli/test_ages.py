"""Stretches of time, read and written."""

from __future__ import annotations

import pytest
import typer

from lookalike.cli.ages import parse_age, shown_age


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("30m", 1800), ("12h", 43_200), ("2d", 172_800), ("1w", 604_800), ("1.5h", 5400)],
)
def test_an_age_is_a_number_and_a_unit(written: str, seconds: float) -> None:
    assert parse_age(written) == seconds


@pytest.mark.parametrize("written", ["", "2", "d", "-2d", "2 days", "2d3h"])
def test_anything_else_says_what_was_expected(written: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected 90s, 30m"):
        parse_age(written)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0.4, "0 s"),
        (59.7, "1 min"),
        (310, "5 min 10 s"),
        (7500, "2 h 5 min"),
        (349_200, "4 d 1 h"),
    ],
)
def test_a_stretch_is_shown_in_two_units_at_most(seconds: float | None, shown: str) -> None:
    assert shown_age(seconds) == shown
