from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike.settings import Settings
from lookalike_worker.encoder import FakeEncoder
from lookalike_worker.encoders import load_encoder, load_tagger
from lookalike_worker.graphs.head import Head, save_head

TAGS = Settings(tags=2, tag_probability=0.25)


def with_head(folder: Path, dimensions: int) -> FakeEncoder:
    """The fake encoder, with a module's folder whose head takes so many features."""
    kernel = np.stack([np.full(dimensions, n, np.float32) for n in (0, 1, 2)], axis=1)
    save_head(Head(kernel, np.zeros(3, np.float32), ("cat", "dog", "tree")), folder)
    encoder = FakeEncoder()
    encoder.directory = folder
    return encoder


def test_the_fake_is_loaded_by_name(tmp_path: Path) -> None:
    settings = Settings(encoder="fake", home=tmp_path)
    assert load_encoder(settings).space.encoder == "fake"


def test_the_fake_loads_no_tensorflow() -> None:
    question = (
        "import sys; from lookalike.settings import Settings; "
        "from lookalike_worker.encoders import load_encoder; "
        "load_encoder(Settings(encoder='fake')); print(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )
    roots = {name.split(".")[0] for name in answer.stdout.split()}
    assert not roots & {"tensorflow", "tensorflow_hub", "keras"}


def test_no_tags_are_made_unless_they_are_asked_for(tmp_path: Path) -> None:
    assert load_tagger(with_head(tmp_path, 4032), Settings()) is None


def test_tags_are_those_of_the_head_as_many_and_as_likely_as_asked_for(tmp_path: Path) -> None:
    tagger = load_tagger(with_head(tmp_path, 4032), TAGS)
    assert tagger is not None
    undecided, sure = tagger(np.stack([np.zeros(4032, np.float32), np.ones(4032, np.float32)]))
    assert [tag.label for tag in undecided] == ["cat", "dog"]
    assert [tag.label for tag in sure] == ["tree"]


def test_tags_without_labels_are_refused_with_what_to_do(tmp_path: Path) -> None:
    without = with_head(tmp_path / "other", 4032)
    without.directory = tmp_path
    for encoder in (FakeEncoder(), without):
        with pytest.raises(InvalidSetting, match=r"LOOKALIKE_TAGS is 2, .* `lookalike encoder add"):
            load_tagger(encoder, TAGS)


def test_a_head_of_other_features_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="takes 5 features; expected 4032"):
        load_tagger(with_head(tmp_path, 5), TAGS)
