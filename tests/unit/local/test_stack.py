"""The all-in-one before it starts: whether its API asks for keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.local.stack import Stack
from lookalike.settings import Settings


@pytest.mark.parametrize(
    ("options", "asks"),
    [
        ({}, False),
        ({"LOOKALIKE_API_KEYS": "required"}, True),
        ({"LOOKALIKE_API_HOST": "0.0.0.0"}, True),
        ({"LOOKALIKE_API_HOST": "0.0.0.0", "LOOKALIKE_API_KEYS": "off-for-everyone"}, False),
    ],
)
def test_keys_are_asked_for_unless_only_this_machine_is_there_or_it_is_said(
    tmp_path: Path, options: dict[str, str], asks: bool
) -> None:
    assert Stack(Settings.load({"LOOKALIKE_HOME": str(tmp_path), **options})).asks_for_keys == asks
