"""Real encoders and real photographs through the whole way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.images import find_images
from lookalike.jobs import JobStatus
from tests.processes import SHARED, Processes

GROCERY = SHARED / "images" / "grocery"
CALTECH = SHARED / "images" / "caltech101"


def photographs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        pytest.skip(f"no {folder.name} images beside the checkout (shared/images)")
    return find_images(folder)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


@pytest.mark.timeout(900)
def test_efficientnet_lite0_finds_another_shot_of_the_same_product(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    # The first half of the products, with all shots of each.
    paths = photographs(GROCERY)
    paths = paths[: len(paths) // 2]
    with Processes(database_url, redis_url, tmp_path, encoder="efficientnet_lite0") as processes:
        processes.start("relay")
        processes.start_worker()
        added = list(processes.client.add_many(paths))
        jobs = processes.client.wait(added, timeout_s=600)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        n_right = 0
        for path, one in zip(paths, added, strict=True):
            (nearest,) = processes.client.search(image_id=one.image_id, k=1)
            n_right += nearest.reference.rpartition("/")[0] == path.parent.as_uri()
    assert n_right / len(paths) >= 0.92


@pytest.mark.timeout(900)
def test_nasnet_large_through_the_whole_way_equals_a_direct_call_of_the_module(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    from lookalike_worker.decoding.picture import decode_image
    from lookalike_worker.encoders import load_encoder
    from lookalike_worker.encoding import to_batch

    # A processor without AVX-512 takes the better part of a second for each, and minutes to find
    # its best batch size.
    paths = photographs(CALTECH)[:: 1500 // 8][:8]
    options = {"encoder": "nasnet_large", "untrained": "true", "batch_size": 4}
    with Processes(database_url, redis_url, tmp_path, **options) as processes:
        processes.start("relay")
        processes.start_worker()
        added = list(processes.client.add_many(paths))
        jobs = processes.client.wait(added, timeout_s=600)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        rows = np.stack([processes.client.features(one.image_id).features for one in added])
        encoder = load_encoder(processes.settings.model_copy(update={"precision": "fp32"}))
    assert rows.shape == (8, 4032)
    assert np.isfinite(rows).all()
    assert (rows >= 0).all()
    pixels = [decode_image(p.read_bytes(), size=331, max_pixels=10**8).pixels for p in paths]
    batches = [to_batch(pixels[i : i + 4]) for i in range(0, 8, 4)]
    direct = np.concatenate([encoder.encode(batch) for batch in batches])
    cosines = cosine(rows, direct)
    # In bf16 one photograph in a hundred lies just below what the golden images must reach.
    assert np.median(cosines) >= 0.999
    assert cosines.min() >= 0.998
