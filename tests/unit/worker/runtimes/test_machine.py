from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike_worker.runtimes.machine import this_machine, usable_cores


def test_this_machine_is_described_without_loading_a_runtime() -> None:
    found = this_machine()
    assert found.processor
    assert found.n_cores >= 1
    assert "tensorflow" in found.packages


@pytest.mark.parametrize(
    ("quota", "n_cores"),
    [("50000 100000\n", 1), ("100000 100000", 1), ("max 100000", None), ("", None)],
)
def test_a_container_s_quota_limits_the_cores(
    tmp_path: Path, quota: str, n_cores: int | None
) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    everything = len(os.sched_getaffinity(0))
    assert usable_cores(path) == (n_cores or everything)


def test_without_a_quota_all_cores_are_usable(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none") == len(os.sched_getaffinity(0))
