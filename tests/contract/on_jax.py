"""Tests of a file run by JAX: in a process of their own, since Keras has one backend a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

IS_JAX = os.environ.get("KERAS_BACKEND") == "jax"


def check_on_jax(file: str) -> str:
    """Run a file's tests with JAX; fails with their output, which it gives where they pass."""
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout
