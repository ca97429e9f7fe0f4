"""Image bombs, lying types and cut files, through real decoder processes.

Each ends decoded or with its typed error, within the memory that a decoder
may have; a decoder is lost only to what nothing else ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from lookalike.errors import ImageUnreadable, Rejected
from lookalike.pictures.formats import FORMATS
from lookalike.pictures.opening import open_picture
from lookalike_worker.decoding.pool import DecoderPool
from lookalike_worker.decoding.wire import Limits
from tests.security.bombs import EMBEDS, Bomb, bombs, endless_jpeg, strangers
from tests.unit.worker.corpus import corpus, encoded

LIMITS = Limits.of(max_pixels=50_000_000)
BOMBS = list(bombs())
STRANGERS = dict(strangers())

_DOT = Image.new("RGB", (5, 3), "#3c78b4")
_TINY = {
    "JPEG": encoded(_DOT, "JPEG"),
    "progressive JPEG": encoded(_DOT, "JPEG", progressive=True),
    "PNG": encoded(_DOT, "PNG"),
    "WebP": encoded(_DOT, "WEBP", lossless=True),
    "lossy WebP": encoded(_DOT, "WEBP"),
    "GIF": encoded(_DOT.quantize(2), "GIF"),
    "TIFF": encoded(_DOT, "TIFF"),
    "LZW TIFF": encoded(_DOT, "TIFF", compression="tiff_lzw"),
    "BMP": encoded(_DOT, "BMP"),
    "AVIF": encoded(_DOT, "AVIF"),
    "HEIC": next(case.data for case in corpus() if case.name == "plain.heic"),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(LIMITS, n_processes=1) as made:
        made.start()
        yield made


def outcome(pool: DecoderPool, data: bytes) -> str:
    try:
        pool.decode(data, size=48, thumbnail_px=32)
    except Rejected as error:
        return error.reason
    return EMBEDS


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_a_bomb_costs_itself_alone(pool: DecoderPool, bomb: Bomb) -> None:
    assert outcome(pool, bomb.data) in bomb.outcomes
    assert outcome(pool, _TINY["PNG"]) == EMBEDS


def test_no_bomb_took_a_decoder_along_nor_much_memory(pool: DecoderPool) -> None:
    assert pool.n_lost == 0
    assert all(peak_bytes(pid) < LIMITS.memory_bytes * 0.7 for pid in pool.pids)


@pytest.mark.parametrize("name", STRANGERS)
def test_no_other_format_is_decoded(pool: DecoderPool, name: str) -> None:
    assert outcome(pool, STRANGERS[name]) == "ImageUnreadable"
    with pytest.raises(ImageUnreadable):
        open_picture(STRANGERS[name])


def test_the_formats_are_an_allow_list() -> None:
    assert set(FORMATS) == {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"}


@pytest.mark.parametrize("name", _TINY)
def test_a_file_cut_at_any_byte_is_unreadable_or_whole_enough(pool: DecoderPool, name: str) -> None:
    data = _TINY[name]
    lost = pool.n_lost
    outcomes = [outcome(pool, data[:end]) for end in range(len(data))]
    assert set(outcomes) <= {EMBEDS, "ImageUnreadable", "ImageTooLarge"}
    assert set(outcomes[: len(data) // 4]) == {"ImageUnreadable"}
    assert outcome(pool, data) == EMBEDS
    assert pool.n_lost == lost


def test_a_picture_that_takes_too_long_ends_its_decoder_and_is_refused() -> None:
    limits = Limits(50_000_000, cpu_s=0.7, wall_s=120, memory_bytes=LIMITS.memory_bytes)
    with DecoderPool(limits, n_processes=1) as pool:
        with pytest.raises(ImageUnreadable, match=r"0\.7 s of computing"):
            pool.decode(endless_jpeg(3000), size=48)
        assert pool.n_lost == 1
        assert outcome(pool, _TINY["PNG"]) == EMBEDS
