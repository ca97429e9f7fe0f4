"""Which backend Keras has in a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lookalike.environment import environment
from lookalike.errors import Misconfigured
from lookalike_worker.quiet_keras import require_backend


def test_keras_computes_with_tensorflow_unless_told_otherwise() -> None:
    require_backend("tensorflow")


def test_another_backend_than_the_one_needed_is_the_operators_business() -> None:
    with pytest.raises(Misconfigured, match="tensorflow in this process; expected jax: unset"):
        require_backend("jax")


def test_graphs_can_be_imported_without_tensorflow() -> None:
    graphs = "efficientnet_lite0, nasnet_large, nasnet_slim, rewriting"
    question = f"import sys; from lookalike_worker.graphs import {graphs}; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", question],
        env={**environment(), "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(answer.stdout.split())
    assert "keras" in loaded
    assert loaded.isdisjoint({"tensorflow", "pydantic", "structlog"})
