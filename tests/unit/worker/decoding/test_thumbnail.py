"""Thumbnails show the picture as people see it, and are small."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lookalike_worker.decoding.picture import decode_image
from tests.unit.worker.corpus import Case, corpus, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SOUND = [case for case in corpus() if case.embeds]


def thumbnail(data: bytes, longest: int, *, size: int = 331) -> Image.Image:
    found = decode_image(data, size=size, max_pixels=50_000_000, thumbnail_px=longest).thumbnail
    assert found
    return Image.open(BytesIO(found))


# From the encoder's pixels, where these are as many, or from the picture itself.
@pytest.mark.parametrize("size", [56, 331])
@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
def test_it_shows_the_picture_in_its_own_shape(case: Case, size: int) -> None:
    assert case.looks_like is not None
    found = thumbnail(case.data, 48, size=size)
    width, height = case.looks_like.size
    scale = min(1, 48 / max(width, height))
    assert found.format == "JPEG"
    assert found.mode == "RGB"
    assert found.size == (max(1, round(width * scale)), max(1, round(height * scale)))
    expected = np.asarray(case.looks_like.convert("RGB").resize(found.size, 2), int)
    assert np.abs(np.asarray(found, int) - expected).mean() < 8


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 2000), (256, 171)), ((600, 1200), (128, 256)), ((200, 100), (200, 100))],
)
def test_its_longest_side_is_as_asked_and_nothing_is_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert thumbnail(encoded(Image.new("RGB", size), "JPEG"), 256).size == expected


def test_none_is_made_unasked() -> None:
    data = encoded(Image.new("RGB", (9, 9)), "PNG")
    assert decode_image(data, size=8, max_pixels=100).thumbnail is None


def test_pixels_are_the_same_with_one_and_without() -> None:
    for case in SOUND:
        plain, both = (
            decode_image(case.data, size=64, max_pixels=50_000_000, thumbnail_px=longest)
            for longest in (0, 256)
        )
        np.testing.assert_array_equal(plain.pixels, both.pixels)
