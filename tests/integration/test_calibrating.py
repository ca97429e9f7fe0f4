"""A calibration with real processes: edits go through a worker as queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from lookalike.calibrating.measuring import calibrate
from lookalike.errors import SampleTooSmall, UnknownCollection
from lookalike.pictures.edits import Edit, lit
from lookalike.pictures.opening import open_picture
from tests.processes import Processes

QUIET = Console(quiet=True)


@pytest.fixture
def running(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Processes]:
    with Processes(database_url, redis_url, tmp_path) as processes:
        processes.start("relay")
        processes.start_worker()
        yield processes


def pictures(folder: Path, n: int) -> list[Path]:
    """Eight by eight patches: the fake encoder tells such pictures apart, and not their edits."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(n)]
    for path in paths:
        patches = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        patches.resize((320, 320), Image.Resampling.BICUBIC).save(path)
    return paths


def test_edited_copies_become_near_duplicates_and_other_pictures_do_not(
    running: Processes, tmp_path: Path
) -> None:
    paths = pictures(tmp_path / "pictures", 12)
    uploads = [path.read_bytes() for path in paths[:6]]
    client = running.client
    client.wait(list(client.add_many([*uploads, *paths[6:]], collection="shop")))
    found = calibrate(running.settings, "shop", n_images=12, out=QUIET)
    assert found.n_edits == 12 * 5
    assert found.is_separate
    copy = Edit("5 % brighter", lit(1.05)).copy_of(open_picture(paths[0]))
    added = client.add(copy, collection="shop")
    client.wait([added])
    same = client.duplicates(added.image_id)
    assert same.is_calibrated
    assert [(one.tier, one.reference) for one in same if one.tier == "near_duplicate"] == [
        ("near_duplicate", client.why(same[0].image_id).reference)
    ]
    assert len(list(client.duplicate_pairs("shop", tier="near_duplicate"))) == 1


def test_a_collection_whose_pictures_cannot_be_read_is_refused(
    running: Processes, tmp_path: Path
) -> None:
    paths = pictures(tmp_path / "pictures", 12)
    running.client.wait(list(running.client.add_many(paths, collection="shop")))
    elsewhere = running.settings.model_copy(update={"file_roots": (tmp_path / "other",)})
    with pytest.raises(SampleTooSmall, match="the bytes of 0 images of 'shop'"):
        calibrate(elsewhere, "shop", out=QUIET)
    with pytest.raises(UnknownCollection):
        calibrate(running.settings, "nowhere", out=QUIET)
