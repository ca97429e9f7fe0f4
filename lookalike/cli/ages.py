"""Stretches of time, as people write and read them: `90s`, `30m`, `12h`, `2d`."""

from __future__ import annotations

import re

import typer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_age(written: str) -> float:
    """Seconds from a number and a unit; raises BadParameter, which typer shows at the option."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", written.strip())
    if match is None:
        raise typer.BadParameter(f"found {written!r}; expected 90s, 30m, 12h, 2d or 1w")
    return float(match[1]) * _SECONDS[match[2]]


def shown_age(seconds: float | None) -> str:
    """Two units at most: `3 s`, `5 min 10 s`, `2 h 5 min`, `4 d 1 h`; a dash for None."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for name, size, smaller, divisor in (
        ("d", 86_400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // divisor
            return f"{whole // size} {name}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError(whole)
