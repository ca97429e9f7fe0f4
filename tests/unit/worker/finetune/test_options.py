"""Options, the schedule of the rate, the crops, and whose folder it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted, InvalidSetting
from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.augment import random_boxes
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.run_file import Identity, claim
from lookalike_worker.finetune.schedule import learning_rate


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"validation": 1.0}, {"batch_norm_momentum": 1.1}, {"seed": -1}]
)
def test_a_number_out_of_range_is_refused_by_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidSetting, match=name.replace("_", " ")) as raised:
        Options(**wrong)
    assert raised.value.value == wrong[name]


def test_the_same_run_may_have_its_folder_again(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path / "run", Identity("small@1", "abc", Options()))


def test_another_run_is_told_what_differs(tmp_path: Path) -> None:
    claim(tmp_path, Identity("small@1", "abc", Options()))
    with pytest.raises(InvalidSetting, match=r"epochs was 15 and is 3\).*--restart"):
        claim(tmp_path, Identity("small@1", "abc", Options(epochs=3)))
    with pytest.raises(InvalidSetting, match="the pictures changed"):
        claim(tmp_path, Identity("small@1", "other", Options()))


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [learning_rate(1.0, step, 100) for step in range(100)]
    assert rates[0] == 0.1
    assert max(rates) == rates[9] == 1.0
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == 0


def test_a_run_of_one_step_has_a_rate() -> None:
    assert 0 <= learning_rate(1.0, 0, 1) <= 1


def test_crops_stay_in_the_picture_and_half_are_mirrored() -> None:
    boxes = random_boxes(1000, np.random.default_rng(0))
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert heights.min() > 0.79
    assert np.abs(widths).min() > 0.79
    assert 400 < (widths < 0).sum() < 600


def test_where_memory_runs_out_half_as_many_are_tried_down_to_one() -> None:
    at_once = AtOnce(5)
    for expected in (3, 2, 1):
        at_once.halve(MemoryError())
        assert at_once.n_images == expected
    with pytest.raises(EncoderExhausted, match="single image"):
        at_once.halve(MemoryError())
