from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lookalike.demo.photographs import (
    BUNDLED,
    bundled_photographs,
    own_photographs,
    spread,
)
from lookalike.errors import ImageNotFound
from lookalike.pictures.opening import open_picture


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
