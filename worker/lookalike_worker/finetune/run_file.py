"""What a run began with, kept beside its checkpoints: only the same run goes on from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import InvalidSetting
from lookalike_worker.finetune.options import Options

_NAME = "run.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """The encoder's feature space, the pictures' digest and the options of a run."""

    space: str
    pictures: str
    options: Options

    def as_dict(self) -> dict[str, object]:
        return {"encoder": self.space, "pictures": self.pictures, **self.options.as_dict()}


def claim(folder: Path, identity: Identity) -> None:
    """Make a run's folder this run's; a folder that is already, is left as it is.

    Raises InvalidSetting, saying what differs, where the folder is another run's.
    """
    file = folder / _NAME
    wanted = identity.as_dict()
    if file.is_file():
        there = json.loads(file.read_text())
        differing = [name for name in wanted if there.get(name) != wanted[name]]
        if differing:
            raise _another_run(folder, differing, there, wanted)
        return
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{_NAME}.unfinished"
    unfinished.write_text(json.dumps(wanted, indent=1) + "\n")
    unfinished.rename(file)


def _another_run(
    folder: Path, names: list[str], there: dict[str, object], wanted: dict[str, object]
) -> InvalidSetting:
    differences = ", ".join(
        "the pictures changed"
        if name == "pictures"
        else f"{name.replace('_', ' ')} was {there.get(name)} and is {wanted[name]}"
        for name in names
    )
    return InvalidSetting(
        f"{folder} holds another run ({differences}); expected the same, to go on from where it "
        "stopped: give the same command as then, --restart to begin anew, or --out with another "
        "folder",
        value=str(folder),
    )
