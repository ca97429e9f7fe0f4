"""The benchmark of accelerators where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lookalike.environment import environment

ROOT = Path(__file__).parents[2]


def last_line(*arguments: str) -> dict[str, Any]:
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *arguments],
        env={**environment(), "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return told


def test_without_a_gpu_it_says_so_and_measures_nothing() -> None:
    told = last_line()
    assert told["gpu"] is False
    assert "finds no GPU here" in told["reason"]
    assert "images_per_s" not in told


def test_a_trial_on_the_processor_goes_all_the_way() -> None:
    told = last_line(
        *("--allow-cpu", "--encoder", "efficientnet_lite0", "--batches", "1"),
        *("--variants", "tf32 shifts products", "--seconds", "0.1"),
    )
    assert told["gpu"] is False
    assert told["min_cosine"] > 0.9999
    assert told["images_per_s_from_host_uint8"] > 0
