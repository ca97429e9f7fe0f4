"""The epochs of a run as JSON lines, for whoever wants to draw or compare them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lookalike_worker.finetune.progress import Progress


def write_log(progress: Progress, file: Path) -> None:
    """Write one line for each epoch, over a file that is there: none is missing or doubled."""
    lines = [json.dumps(asdict(epoch)) + "\n" for epoch in progress.epochs]
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text("".join(lines))
    unfinished.replace(file)
