"""The label that travels with a module: whose weights it holds and which graph they fit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

LABEL = Path("assets.extra", "lookalike.json")


@dataclass(frozen=True, slots=True)
class Label:
    """What a module's file `assets.extra/lookalike.json` says.

    `architecture` names the Keras graph of ours whose `variables` have the
    module's order and shapes, or is empty where there is none.
    """

    encoder: str
    trained: bool
    architecture: str = ""


def write_label(label: Label, directory: Path) -> None:
    """Put the label into a module's folder, over one that is there."""
    path = directory / LABEL
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(label)), encoding="utf-8")
