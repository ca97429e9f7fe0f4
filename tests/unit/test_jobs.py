"""Chunks on the wire."""

import pytest

from lookalike.jobs import Chunk, Lane


def test_a_chunk_reads_back_what_was_sent() -> None:
    chunk = Chunk(lease=7, lane=Lane.INTERACTIVE)
    assert Chunk.from_wire(chunk.to_wire()) == chunk


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"v": 1, "lease": 1, "lane": 1, "jobs": [1]},
        {"v": 2, "lease": "1", "lane": 1},
        {"v": 2, "lease": 1},
        {"v": 2, "lease": 1, "lane": 7},
    ],
)
def test_a_chunk_of_another_form_is_refused(wire: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected a chunk of version 2"):
        Chunk.from_wire(wire)
