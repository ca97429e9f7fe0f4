"""The contract once more, and what is JAX's own, in a process whose Keras computes with JAX."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import jax_only, test_encoder

ROOT = Path(__file__).parents[2]
FILES = [str(module.__file__) for module in (test_encoder, jax_only)]


@pytest.mark.timeout(900)
def test_jax_keeps_the_contract_and_does_what_is_its_own() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert " passed" in finished.stdout
