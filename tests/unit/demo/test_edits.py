from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.demo.edits import EDITS, showcase, write_copies
from lookalike.demo.photographs import bundled_photographs
from lookalike.pictures.edits import Edit
from lookalike.pictures.opening import open_picture


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return open_picture(bundled_photographs()[0])


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_gives_the_same_jpeg_every_time(edit: Edit, astronaut: Image.Image) -> None:
    copy = edit.copy_of(astronaut)
    assert copy == edit.copy_of(astronaut)
    assert Image.open(BytesIO(copy)).format == "JPEG"


def test_edits_differ_from_each_other(astronaut: Image.Image) -> None:
    assert len({edit.copy_of(astronaut) for edit in EDITS}) == len(EDITS)
    assert len({edit.name for edit in EDITS}) == len(EDITS)


def test_a_rotated_copy_has_no_black_corners() -> None:
    white = Image.new("RGB", (300, 200), "white")
    for edit in EDITS:
        if edit.name.startswith("rotated"):
            copy = np.asarray(edit.change(white))
            assert copy.min() > 250
            assert copy.shape[1] / copy.shape[0] == pytest.approx(1.5, rel=0.02)


def test_edits_work_on_a_single_pixel() -> None:
    assert all(edit.copy_of(Image.new("RGB", (1, 1))) for edit in EDITS)


def test_the_bundled_photographs_give_over_a_hundred_copies(tmp_path: Path) -> None:
    copies = write_copies(bundled_photographs(), tmp_path)
    assert 100 <= len(copies) == len({copy.path for copy in copies}) <= 200
    assert all(copy.path.is_file() for copy in copies)


def test_a_large_folder_gives_a_bounded_number_of_copies(tmp_path: Path) -> None:
    photographs = bundled_photographs()[:1] * 1000
    assert len(write_copies(photographs, tmp_path, max_copies=20)) == 18


def test_an_unreadable_photograph_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"")
    photographs = [tmp_path / "bad.jpg", bundled_photographs()[0]]
    copies = write_copies(photographs, tmp_path / "copies")
    assert {copy.original for copy in copies} == {photographs[1]}


def test_a_showcase_has_different_photographs_and_different_edits(tmp_path: Path) -> None:
    shown = showcase(write_copies(bundled_photographs(), tmp_path), 6)
    assert len({copy.original for copy in shown}) == len({copy.edit for copy in shown}) == 6


def test_a_showcase_of_one_photograph_repeats_it_and_of_none_is_empty(tmp_path: Path) -> None:
    assert len(showcase(write_copies(bundled_photographs()[:1], tmp_path), 6)) == 6
    assert showcase([], 6) == []
