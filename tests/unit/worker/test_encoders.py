from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lookalike.settings import Settings
from lookalike_worker.encoders import load_encoder


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
