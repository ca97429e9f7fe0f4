from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.modules.apart import call_apart
from lookalike_worker.modules.contents import files_of
from lookalike_worker.modules.record import sha256_of


def test_the_answer_of_another_process_comes_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert call_apart(tmp_path, sha256_of, tmp_path / "file") == sha256_of(tmp_path / "file")
    assert call_apart(tmp_path, os.getpid) != os.getpid()


def test_an_error_of_ours_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="nothing is at") as caught:
        call_apart(tmp_path, files_of, tmp_path / "none")
    assert caught.value.value == str(tmp_path / "none")


def test_a_process_that_dies_is_an_error_with_its_status(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="ended with status 9"):
        call_apart(tmp_path, os._exit, 9)
