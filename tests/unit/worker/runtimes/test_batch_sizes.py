from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.errors import EncoderExhausted
from lookalike_worker.runtimes.batch_sizes import BatchSizes, find_batch_size


def costing(seconds: dict[int, float]) -> Callable[[int], float]:
    def cost(n: int) -> float:
        if n not in seconds:
            raise EncoderExhausted(f"{n} do not fit")
        return seconds[n]

    return cost


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ({1: 1.0, 2: 1.5, 4: 2.0, 8: 3.9, 16: 7.8}, 4),
        ({1: 1.0, 2: 2.0, 4: 4.0}, 1),
        ({1: 1.0, 2: 1.5}, 2),
        ({1: 1.0, 2: 2.0, 4: 2.0}, 4),
    ],
    ids=["no gain beyond 4", "no gain at all", "no room beyond 2", "a step without gain"],
)
def test_the_smallest_of_the_fastest_sizes_is_found(seconds: dict[int, float], found: int) -> None:
    assert find_batch_size((1, 2, 4, 8, 16), seconds=costing(seconds), fits=lambda: True) == found


def test_a_size_that_takes_too_much_memory_is_not_taken() -> None:
    room = iter([True, False])
    seconds = costing({1: 1.0, 2: 1.0, 4: 1.0})
    assert find_batch_size((1, 2, 4), seconds=seconds, fits=lambda: next(room)) == 2


def test_a_single_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(EncoderExhausted):
        find_batch_size((1, 2), seconds=costing({}), fits=lambda: True)


def test_sizes_are_kept_apart_by_key(tmp_path: Path) -> None:
    BatchSizes(tmp_path / "new" / "sizes.json").keep("a", 4)
    BatchSizes(tmp_path / "new" / "sizes.json").keep("b", 8)
    sizes = BatchSizes(tmp_path / "new" / "sizes.json")
    assert (sizes.get("a"), sizes.get("b"), sizes.get("c")) == (4, 8, None)


@pytest.mark.parametrize("content", ["", "[]", '{"a": "x"}', "\0"])
def test_a_damaged_file_counts_as_empty_and_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sizes.json"
    path.write_text(content)
    assert BatchSizes(path).get("a") is None
    BatchSizes(path).keep("a", 2)
    assert BatchSizes(path).get("a") == 2


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    BatchSizes(tmp_path / "file" / "sizes.json").keep("a", 2)
