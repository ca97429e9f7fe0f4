"""What narrows a search, checked and written as Postgres reads it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import SupportsFloat, TypedDict

from lookalike.errors import FilterInvalid


class Narrowing(TypedDict, total=False):
    """Keyword arguments of a search.

    `filter`: an image passes whose metadata contain it, `{"colour": "red"}`.
    `predicate`: an image passes for whose metadata this jsonpath is true,
    `'$.price < 20'`. `threshold`: the largest distance. `exact`: look at
    every image, whatever index there is.
    """

    filter: Mapping[str, object] | None
    predicate: str | None
    threshold: float | None
    exact: bool


def parameters(narrowing: Narrowing) -> dict[str, object]:
    """The four as parameters of a statement; raises FilterInvalid, or TypeError for a fifth."""
    if unknown := narrowing.keys() - Narrowing.__annotations__.keys():
        raise TypeError(f"a search has no argument {', '.join(sorted(unknown))}")
    return {
        "filter": _filter(narrowing.get("filter")),
        "predicate": _predicate(narrowing.get("predicate")),
        "threshold": _threshold(narrowing.get("threshold")),
        "exact": bool(narrowing.get("exact")),
    }


def _filter(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise FilterInvalid(
            f"found the filter {_short(given)}; expected a mapping, as metadata are: "
            '{"colour": "red"}',
            value=given,
        )
    try:
        return json.dumps(dict(given), allow_nan=False, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise FilterInvalid(
            f"the filter {_short(given)} is no JSON ({error}); expected texts, finite numbers, "
            "truths, lists and mappings of these",
            value=given,
        ) from error


def _predicate(given: object) -> str | None:
    # Postgres judges the path; the driver would stumble over these before.
    if given is None or (isinstance(given, str) and is_storable(given)):
        return given
    raise FilterInvalid(
        f"found the predicate {_short(given)}; expected a jsonpath: '$.price < 20'", value=given
    )


def _threshold(given: object) -> float | None:
    if given is None:
        return None
    try:
        threshold = float(given) if isinstance(given, SupportsFloat) else math.nan
    except OverflowError:
        threshold = math.inf
    # Also what is no number at all.
    if not threshold >= 0:
        raise FilterInvalid(
            f"found the threshold {_short(given)}; expected a cosine distance, 0 to 2",
            value=given,
        )
    return threshold


def is_storable(text: str) -> bool:
    """Whether Postgres can hold a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _short(value: object) -> str:
    try:
        shown = repr(value)
    except RecursionError:
        shown = f"a {type(value).__name__} too deep to show"
    return shown if len(shown) <= 200 else shown[:200] + " …"
