"""The main job with real processes: a relay, workers, Postgres and Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageUnreadable
from lookalike.jobs import JobStatus
from tests.processes import Processes
from tests.unit.worker.corpus import EMBEDS, corpus


@pytest.fixture
def running(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Processes]:
    with Processes(database_url, redis_url, tmp_path) as processes:
        processes.start("relay")
        processes.start_worker()
        yield processes


def pictures(folder: Path, n: int) -> list[Path]:
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(n)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((40, 40)).save(path)
    return paths


def test_images_go_in_and_neighbours_come_out(running: Processes, tmp_path: Path) -> None:
    paths = pictures(tmp_path / "pictures", 60)
    added = list(running.client.add_many(paths, collection="shop"))
    jobs = running.client.wait(added)
    assert {job.status for job in jobs} == {JobStatus.DONE}, running.logs()
    found = running.client.search(paths[7], collection="shop", k=3)
    assert found[0].reference == paths[7].as_uri()
    assert found[0].distance == pytest.approx(0, abs=1e-4)


def test_each_bad_image_ends_with_its_reason_and_takes_no_other_with_it(
    running: Processes, tmp_path: Path
) -> None:
    good = pictures(tmp_path / "good", 10)
    odd = {case.data: case for case in corpus()}
    missing: list[Path | bytes] = [tmp_path / "missing.jpg", tmp_path]
    jobs = running.client.wait(list(running.client.add_many([*good, *odd, *missing])))
    outcomes = [job.error for job in jobs]
    assert outcomes[:10] == [None] * 10, running.logs()
    expected = [None if case.outcome == EMBEDS else case.outcome for case in odd.values()]
    assert dict(zip([c.name for c in odd.values()], outcomes[10:-2], strict=True)) == dict(
        zip([c.name for c in odd.values()], expected, strict=True)
    )
    assert outcomes[-2:] == ["ImageNotFound", "ImageNotFound"]
    assert {job.attempts for job in jobs} == {1}


def test_a_query_that_is_no_picture_is_refused_with_its_reason(running: Processes) -> None:
    running.client.wait([running.client.add(b"not a picture")])
    with pytest.raises(ImageUnreadable):
        running.client.search(b"not a picture either")


def test_a_worker_that_is_asked_to_stop_finishes_what_it_holds(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, redis_url, tmp_path) as processes:
        processes.start("relay")
        worker = processes.start_worker()
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", 300)))
        processes.until(lambda: processes.client.status().n_open < 300)
        worker.terminate()
        assert worker.wait(timeout=60) == 0, processes.logs()
        assert processes.client.status().workers == []
        processes.start_worker()
        jobs = processes.client.wait(added)
        assert {(job.status, job.attempts) for job in jobs} == {(JobStatus.DONE, 1)}


def test_a_producer_that_reaches_redis_needs_no_relay_for_what_the_window_holds(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, redis_url, tmp_path) as processes:
        processes.start_worker()
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", 10)))
        assert {job.status for job in processes.client.wait(added)} == {JobStatus.DONE}
        assert processes.client.search(tmp_path / "pictures" / "3.png", k=1)


def test_a_producer_does_not_notice_that_redis_is_gone(database_url: str, tmp_path: Path) -> None:
    with Processes(database_url, "redis://127.0.0.1:1/0", tmp_path) as processes:
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", 3)))
        assert [one.is_new for one in added] == [True] * 3
