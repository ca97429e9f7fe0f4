from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.modules.audit import audit
from lookalike_worker.modules.findings import Findings
from tests.unit.worker.modules.small_modules import add


def test_what_is_as_it_was_is_told_with_its_cosine(tmp_path: Path) -> None:
    entry = add(tmp_path)
    same = Findings(entry.record.digest, 3, 32, np.ones((8, 3), np.float32), True)
    assert "a cosine of 1.000000" in audit(tmp_path, entry, examine=lambda *_: same)


def test_other_features_of_the_same_files_are_a_problem(tmp_path: Path) -> None:
    entry = add(tmp_path)
    golden = np.ones((8, 3), np.float32)
    golden[5, 1] = -1
    other = Findings(entry.record.digest, 3, 32, golden, True)
    with pytest.raises(WeightsMissing, match=r"cosine of 0\.33333"):
        audit(tmp_path, entry, examine=lambda *_: other)
    with pytest.raises(WeightsMissing, match="the digest 00"):
        audit(tmp_path, entry, examine=lambda *_: replace(other, digest="00"))


def test_features_that_are_no_numbers_are_a_problem(tmp_path: Path) -> None:
    entry = add(tmp_path)
    golden = np.full((8, 3), np.nan, np.float32)
    other = Findings(entry.record.digest, 3, 32, golden, True)
    with pytest.raises(WeightsMissing, match="cosine of nan"):
        audit(tmp_path, entry, examine=lambda *_: other)
