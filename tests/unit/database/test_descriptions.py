"""Metadata: what becomes JSON that Postgres takes, and what is refused."""

from __future__ import annotations

import math

import pytest

from lookalike.database.descriptions import from_json, to_json
from lookalike.errors import MetadataInvalid


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"name": "Größe \N{SNOWMAN} \N{GRINNING FACE}", "tags": ["a", None, 1.5, True]},
        {"path": "C:\\u0000", "deeper": {"a": {"b": []}}},
    ],
)
def test_metadata_comes_back(metadata: dict[str, object]) -> None:
    assert from_json(to_json(metadata)) == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": "\0"},
        {"a\0": 1},
        {"a": "\\\0"},
        {"a": "\ud800"},
        {"a": math.nan},
        {"a": math.inf},
        {"a": b"bytes"},
        {"a": 10**5000},
    ],
)
def test_what_postgres_cannot_hold_is_refused(metadata: dict[str, object]) -> None:
    with pytest.raises(MetadataInvalid):
        to_json(metadata)


@pytest.mark.parametrize("written", ["", "[]", '"text"', "{", "[" * 100_000])
def test_a_text_that_is_no_object_is_refused(written: str) -> None:
    with pytest.raises(MetadataInvalid):
        from_json(written)
