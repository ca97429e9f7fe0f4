from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from lookalike.demo.contact_sheet import (
    WIDTH,
    SheetNeighbour,
    SheetRow,
    draw_contact_sheet,
    write_contact_sheet,
)

GREEN = ImageColor.getrgb("#17964a")
ORANGE = ImageColor.getrgb("#c2410c")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.new("RGB", (40, 60), "grey").save(path)
    return path


def row(query: Path, *, first_is_right: bool, n: int = 5) -> SheetRow:
    neighbours = [SheetNeighbour(query, 0.1 * i, first_is_right and i == 0) for i in range(n)]
    return SheetRow(query, "rotated by 15°", tuple(neighbours))


def draw(rows: list[SheetRow]) -> Image.Image:
    return draw_contact_sheet(rows, title="Title", subtitle="subtitle")


def shown(sheet: Image.Image) -> set[object]:
    return {colour for _, colour in sheet.getcolors(WIDTH * sheet.height) or []}


def test_a_right_first_neighbour_has_a_green_frame(picture: Path) -> None:
    colours = shown(draw([row(picture, first_is_right=True)]))
    assert GREEN in colours
    assert ORANGE not in colours


def test_a_wrong_first_neighbour_has_an_orange_frame(picture: Path) -> None:
    colours = shown(draw([row(picture, first_is_right=False)]))
    assert ORANGE in colours
    assert GREEN not in colours


def test_each_row_adds_the_same_height(picture: Path) -> None:
    heights = [draw([row(picture, first_is_right=True)] * n).height for n in range(3)]
    assert heights[2] - heights[1] == heights[1] - heights[0] > 0


def test_a_row_may_have_fewer_neighbours_than_columns(picture: Path) -> None:
    assert draw([row(picture, first_is_right=True, n=0)]).width == WIDTH


def test_an_unreadable_picture_is_drawn_as_an_empty_tile(tmp_path: Path) -> None:
    assert draw([row(tmp_path / "missing.png", first_is_right=True)]).width == WIDTH


def test_long_names_do_not_reach_the_next_tile(tmp_path: Path, picture: Path) -> None:
    long = picture.rename(tmp_path / f"{'w' * 200}.png")
    sheet = draw([row(long, first_is_right=True, n=1)])
    beside = sheet.crop((340 + 188 + 8, 150, WIDTH, sheet.height))
    assert shown(beside) <= {(255, 255, 255)} | {GREEN}


def test_the_sheet_is_written_as_a_png(tmp_path: Path, picture: Path) -> None:
    path = tmp_path / "sheet.png"
    write_contact_sheet(path, [row(picture, first_is_right=True)], title="T", subtitle="s")
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width == WIDTH
