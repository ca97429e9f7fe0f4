from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lookalike.demo.photographs import bundled_photographs
from lookalike.errors import ImageUnreadable
from lookalike.pictures.opening import open_picture


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


def test_bytes_are_opened_as_their_file_is(tmp_path: Path) -> None:
    path = bundled_photographs()[0]
    assert open_picture(path.read_bytes()) == open_picture(path)
    with pytest.raises(ImageUnreadable, match="found 3 bytes"):
        open_picture(b"abc")
