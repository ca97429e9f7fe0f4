from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageTooLarge, ImageUnreadable, Rejected
from lookalike_worker.decoding.picture import decode_image
from lookalike_worker.encoder import Pixels
from tests.unit.worker.corpus import Case, corpus, encoded, picture

# The process in which pictures are decoded has nobody to warn.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIZE = 48
MAX_PIXELS = 50_000_000
SOUND = [case for case in corpus() if case.embeds]
PLAIN = SOUND[:12]  # one and more of each format
REJECTED = [case for case in corpus() if not case.embeds]
REAL_IMAGES = Path(__file__).parents[5] / "shared" / "images"


def decode(data: bytes) -> Pixels:
    return decode_image(data, size=SIZE, max_pixels=MAX_PIXELS).pixels


def squashed(image: Image.Image, size: int = SIZE) -> Pixels:
    """The plain way: the whole picture in RGB, then the antialiased bilinear resize."""
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def mean_difference(found: Pixels, expected: Pixels) -> float:
    return float(np.abs(found.astype(int) - expected.astype(int)).mean())


def by_name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", SOUND, ids=by_name)
def test_an_odd_but_sound_image_shows_its_picture(case: Case) -> None:
    assert case.looks_like is not None
    pixels = decode(case.data)
    assert pixels.shape == (SIZE, SIZE, 3)
    assert pixels.dtype == np.uint8
    # Lossy formats, palettes and naive CMYK stay far below; a wrong quarter costs 20 or more.
    assert mean_difference(pixels, squashed(case.looks_like)) < 4


@pytest.mark.parametrize("case", REJECTED, ids=by_name)
def test_what_cannot_be_embedded_ends_with_its_typed_reason(case: Case) -> None:
    with pytest.raises(Rejected) as caught:
        decode(case.data)
    assert caught.value.reason == case.outcome
    assert "expected" in str(caught.value)


@pytest.mark.parametrize("case", PLAIN, ids=by_name)
def test_a_file_cut_anywhere_is_unreadable_or_whole_enough(case: Case) -> None:
    data = case.data
    for end in range(0, len(data), max(1, len(data) // 400)):
        with contextlib.suppress(ImageUnreadable, ImageTooLarge):
            decode(data[:end])


@pytest.mark.parametrize("case", PLAIN, ids=by_name)
def test_flipped_bytes_never_raise_anything_but_a_rejection(case: Case) -> None:
    generator = np.random.default_rng(0)
    for _ in range(60):
        data = np.frombuffer(case.data, np.uint8).copy()
        where = generator.integers(0, len(data), 4)
        data[where] = generator.integers(0, 256, 4)
        with contextlib.suppress(ImageUnreadable, ImageTooLarge):
            decode_image(data.tobytes(), size=SIZE, max_pixels=1_000_000)


def test_a_picture_of_exactly_the_allowed_pixels_is_decoded() -> None:
    data = encoded(picture(), "PNG")
    n_pixels = picture().width * picture().height
    assert decode_image(data, size=8, max_pixels=n_pixels).pixels.shape == (8, 8, 3)
    with pytest.raises(ImageTooLarge) as caught:
        decode_image(data, size=8, max_pixels=n_pixels - 1)
    assert caught.value.value == n_pixels


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_the_fast_way_of_large_pictures_stays_close_to_the_plain_resize(image_format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    large = Image.fromarray(noise).resize((2400, 1800), Image.Resampling.BICUBIC)
    data = encoded(large, image_format)
    pixels = decode_image(data, size=331, max_pixels=MAX_PIXELS).pixels
    assert mean_difference(pixels, squashed(Image.open(BytesIO(data)), 331)) < 1


def test_sixteen_bit_grey_keeps_its_levels() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = decode_image(
        encoded(Image.fromarray(ramp), "PNG"), size=64, max_pixels=MAX_PIXELS
    ).pixels
    assert np.abs(pixels[..., 0] - ramp / 257.0).max() <= 0.5


def test_pixels_belong_to_the_caller() -> None:
    pixels = decode(encoded(picture(), "PNG"))
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


@pytest.mark.skipif(not REAL_IMAGES.is_dir(), reason="needs ../shared/images beside the checkout")
def test_real_photographs_equal_the_plain_resize() -> None:
    paths = sorted(REAL_IMAGES.rglob("*.jpg"))[::50]
    assert paths
    for path in paths:
        data = path.read_bytes()
        pixels = decode_image(data, size=331, max_pixels=MAX_PIXELS).pixels
        assert mean_difference(pixels, squashed(Image.open(BytesIO(data)), 331)) < 1, path
