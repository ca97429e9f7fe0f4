from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageColor

from lookalike.demo.comparison_sheet import write_comparison
from lookalike.features import Neighbour
from lookalike.images import ImageKey, ImageRef
from lookalike.reembedding import Change, Compared
from lookalike.reembedding.spaces import Space

CHANGE = Change(1, "shoes", Space(1, "blue@1"), Space(2, "green@2"), datetime.now(UTC), None)
GREEN, ORANGE, PURPLE = "#17964a", "#c2410c", "#800080"


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 40), PURPLE).save(kept, "PNG")
    return kept.getvalue()


def neighbour(image_id: int, reference: str) -> Neighbour:
    return Neighbour(image_id, reference, 0.1, {})


def draw(path: Path, one: Compared, *roots: Path) -> tuple[int, set[object]]:
    n_empty = write_comparison(path, CHANGE, [one], file_roots=roots, upload=lambda _: picture())
    with Image.open(path) as sheet:
        return n_empty, {colour for _, colour in sheet.getcolors(sheet.width * sheet.height) or []}


def test_what_both_spaces_find_is_green_and_the_rest_orange(tmp_path: Path) -> None:
    upload = ImageRef.of_upload(ImageKey.of(b"any")).text
    old = (neighbour(2, upload), neighbour(3, upload))
    one = Compared(1, upload, old, (neighbour(2, upload), neighbour(4, upload)))
    n_empty, colours = draw(tmp_path / "sheet.png", one)
    assert n_empty == 0
    assert {ImageColor.getrgb(colour) for colour in (GREEN, ORANGE, PURPLE)} <= colours


def test_files_are_read_below_the_roots_alone(tmp_path: Path) -> None:
    file = tmp_path / "inside" / "shoe.png"
    file.parent.mkdir()
    file.write_bytes(picture())
    one = Compared(1, file.as_uri(), (), ())
    sheet = tmp_path / "sheet.png"
    assert draw(sheet, one, file.parent)[0] == 0
    n_empty, colours = draw(sheet, one, tmp_path / "elsewhere")
    assert n_empty == 1
    assert ImageColor.getrgb(PURPLE) not in colours
