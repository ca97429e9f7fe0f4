"""Pictures are decoded once, as the worker decodes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike_worker.decoding.picture import decode_image
from lookalike_worker.finetune.class_folders import read_class_folders
from lookalike_worker.finetune.pixels import DecodedSet, decode_set, forget_pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of one picture each, and a file that is none."""
    for label, colour in (("red", "#c81e1e"), ("green", "#1ea03c")):
        (tmp_path / "set" / label).mkdir(parents=True)
        Image.new("RGB", (40, 30), colour).save(tmp_path / "set" / label / "1.png")
    (tmp_path / "set" / "red" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "run").mkdir()
    return tmp_path


def decoded(folder: Path, counts: list[int]) -> DecodedSet:
    images = read_class_folders(folder / "set")
    return decode_set(images, folder / "run", size=8, max_pixels=10**6, advance=counts.append)


def test_pixels_are_those_of_the_worker(folder: Path) -> None:
    found = decoded(folder, [])
    assert found.names == ("green/1.png", "red/1.png")
    assert list(found.classes) == [0, 1]
    data = (folder / "set" / "red" / "1.png").read_bytes()
    expected = decode_image(data, size=8, max_pixels=10**6).pixels
    np.testing.assert_array_equal(found.pixels[1], expected)


def test_what_is_no_picture_is_named_with_its_reason(folder: Path) -> None:
    (unreadable,) = decoded(folder, []).unreadable
    assert unreadable.name == "red/broken.jpg"
    assert "no picture" in unreadable.reason


def test_the_same_pictures_are_decoded_once(folder: Path) -> None:
    counts: list[int] = []
    first, again = decoded(folder, counts), decoded(folder, counts)
    assert counts == [3]
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.unreadable == again.unreadable


def test_other_pictures_are_decoded_anew(folder: Path) -> None:
    counts: list[int] = []
    decoded(folder, counts)
    (folder / "set" / "red" / "broken.jpg").unlink()
    assert decoded(folder, counts).unreadable == ()
    assert counts == [3, 2]


def test_pixels_can_be_forgotten(folder: Path) -> None:
    decoded(folder, [])
    forget_pixels(folder / "run")
    assert list((folder / "run").iterdir()) == []
