from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lookalike.demo.photographs import (
    BUNDLED,
    bundled_photographs,
    open_picture,
    own_photographs,
    spread,
)
from lookalike.errors import ImageNotFound, ImageUnreadable


def test_every_bundled_photograph_is_in_the_wheel_and_readable() -> None:
    paths = bundled_photographs()
    assert len(paths) == len(BUNDLED) == len(set(paths))
    assert all(min(open_picture(path).size) >= 150 for path in paths)


def test_every_bundled_photograph_states_a_free_licence() -> None:
    free = ("public domain", "CC0", "no known restrictions")
    assert all(photograph.origin.endswith(free) for photograph in BUNDLED)


def test_a_folder_of_ones_own_gives_absolute_paths_of_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "deep" / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert own_photographs(tmp_path) == [tmp_path / "deep" / "a.png"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound, match="give another folder"):
        own_photographs(tmp_path)


def test_spread_takes_evenly_and_never_more_than_there_are() -> None:
    paths = [Path(str(i)) for i in range(10)]
    assert spread(paths, 5) == paths[::2]
    assert spread(paths, 50) == paths


def test_a_large_picture_is_opened_at_1024_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1500)).save(tmp_path / "large.jpg")
    assert open_picture(tmp_path / "large.jpg").size == (1024, 512)


def test_a_picture_is_opened_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    Image.new("RGB", (30, 20)).save(tmp_path / "side.jpg", exif=exif)
    assert open_picture(tmp_path / "side.jpg").size == (20, 30)


def test_transparent_parts_are_opened_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_picture(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)


def test_pictures_of_a_telephone_can_be_opened() -> None:
    open_picture(bundled_photographs()[0])
    assert Image.registered_extensions()[".heic"] in Image.OPEN


def test_a_text_file_named_jpg_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ImageUnreadable, match=r"text\.jpg"):
        open_picture(tmp_path / "text.jpg")
