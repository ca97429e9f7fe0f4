"""The client for asyncio has the words of the other, and means the same by them."""

from __future__ import annotations

import inspect

import pytest

from lookalike import AsyncLookalike, Lookalike

# What operators do, which `AsyncLookalike.call` reaches.
OF_OPERATORS = {"catalogue", "indexes", "operator", "reembedding"}

WORDS = sorted(
    name for name in vars(Lookalike) if not name.startswith("_") and name not in OF_OPERATORS
)


def parameters(client: type, name: str) -> list[tuple[str, object, object]]:
    found = inspect.signature(getattr(client, name)).parameters.values()
    return [(one.name, one.kind, one.default) for one in found]


@pytest.mark.parametrize("name", WORDS)
def test_a_word_takes_the_same_and_is_awaited_or_iterated(name: str) -> None:
    assert parameters(AsyncLookalike, name) == parameters(Lookalike, name)
    awaited = getattr(AsyncLookalike, name)
    assert inspect.iscoroutinefunction(awaited) or inspect.isasyncgenfunction(awaited)


def test_there_is_no_other_word_but_the_one_for_all_the_rest() -> None:
    public = {name for name in vars(AsyncLookalike) if not name.startswith("_")}
    assert public - set(WORDS) == {"call"}
    assert vars(Lookalike).keys() >= OF_OPERATORS
