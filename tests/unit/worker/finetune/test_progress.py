"""Where a run stands: when it is over, which epoch was best, and that a file can hold it."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from lookalike_worker.finetune.curve import draw_curve
from lookalike_worker.finetune.log import write_log
from lookalike_worker.finetune.progress import Epoch, Progress


def after(*losses: float) -> Progress:
    """The progress after epochs with these validation losses, the first of epoch 0."""
    progress = Progress()
    for number, loss in enumerate(losses):
        progress = progress.finished(Epoch(number, loss / 2, loss, 0.5, 10.0))
    return progress


def test_the_best_epoch_has_the_least_validation_loss() -> None:
    assert after(1.0, 0.5, 0.7).best == 1
    assert after(1.0, 1.1).best == 0


def test_a_run_is_over_after_its_epochs() -> None:
    assert not after(3.0, 2.0).is_over(2, 9)
    assert after(3.0, 2.0, 1.0).is_over(2, 9)
    assert not Progress().is_over(1, 1)


def test_a_run_is_over_when_patience_is() -> None:
    assert not after(1.0, 0.5, 0.6).is_over(99, 2)
    assert after(1.0, 0.5, 0.6, 0.6).is_over(99, 2)


def test_patience_does_not_count_from_the_head_alone() -> None:
    assert not after(0.1, 0.9, 0.8, 0.7).is_over(99, 2)


def test_the_end_of_an_epoch_forgets_its_steps() -> None:
    midway = after(1.0).stepped(8.0, 0.5).stepped(4.0, 0.5)
    assert (midway.n_steps, midway.loss_sum, midway.spent_s) == (2, 12.0, 1.0)
    assert midway.finished(Epoch(1, 0, 0, 0, 0)).n_steps == 0


def test_progress_survives_a_file() -> None:
    progress = after(1.0, 0.5).stepped(8.0, 0.5)
    assert Progress.from_json(progress.to_json()) == progress


def test_the_log_has_one_line_for_each_epoch(tmp_path: Path) -> None:
    write_log(after(1.0), tmp_path / "log.jsonl")
    write_log(after(1.0, 0.5), tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["validation_loss"] for line in lines] == [1.0, 0.5]


def test_the_curve_is_a_picture_from_the_first_epoch_on(tmp_path: Path) -> None:
    for progress in (after(1.0), after(1.0, 0.5, 0.4)):
        draw_curve(progress, "pandas", tmp_path / "curve.png")
        with Image.open(tmp_path / "curve.png") as image:
            colours = image.convert("RGB").getcolors(100_000)
        assert colours is not None
        assert {(0x1B, 0x9E, 0x77), (0xD9, 0x5F, 0x02)} <= {colour for _, colour in colours}
