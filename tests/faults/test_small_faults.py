"""Deaths in mid-run, small enough for every test run: nothing is lost, nothing doubled."""

from __future__ import annotations

from pathlib import Path

import redis
from sqlalchemy import text

from lookalike.database import open_engine, transaction
from lookalike.jobs import JobStatus
from tests.integration.test_main_job import pictures
from tests.processes import Processes

N = 400


def rows(database_url: str) -> tuple[int, int]:
    """All feature rows, and the images that have one."""
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        row = connection.execute(
            text("SELECT count(*), count(DISTINCT image_id) FROM lookalike.features")
        ).one()
    engine.dispose()
    return row[0], row[1]


def test_a_worker_killed_in_mid_run_loses_nothing(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, redis_url, tmp_path, lease_s=2) as processes:
        processes.start("relay")
        worker = processes.start_worker()
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", N)))
        processes.until(lambda: processes.client.status().n_open < N)
        worker.kill()
        worker.wait()
        assert processes.client.status().n_open > 0, "the worker was done before it was killed"
        processes.start_worker()
        jobs = processes.client.wait(added, timeout_s=120)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        assert rows(database_url) == (N, N)


def test_a_flushed_redis_loses_nothing(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with Processes(database_url, redis_url, tmp_path, lease_s=2) as processes:
        processes.start("relay")
        processes.start_worker()
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", N)))
        doorbell = redis.Redis.from_url(redis_url)
        for left in (N - 1, N // 2):
            processes.until(lambda left=left: processes.client.status().n_open <= left)  # type: ignore[misc]
            doorbell.flushall()
        doorbell.close()
        jobs = processes.client.wait(added, timeout_s=120)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        assert rows(database_url) == (N, N)


def test_a_relay_killed_in_mid_run_loses_nothing(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, redis_url, tmp_path, lease_s=2) as processes:
        relay = processes.start("relay")
        processes.start_worker()
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", N)))
        processes.until(lambda: processes.client.status().n_open < N)
        relay.kill()
        relay.wait()
        processes.start("relay")
        processes.start("relay")
        jobs = processes.client.wait(added, timeout_s=120)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        assert rows(database_url) == (N, N)
