"""Entries of a cache without TensorFlow: files that only look like a module's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.errors import WeightsMissing
from lookalike_worker.modules.building import obtain
from lookalike_worker.modules.entries import Entry
from lookalike_worker.modules.findings import Findings
from lookalike_worker.modules.preparation import Write
from lookalike_worker.modules.record import Origin


@dataclass(frozen=True)
class FakeSource:
    """A source whose module is one file with `content`."""

    content: bytes = b"weights"
    name: str = "small"
    source: str = "somewhere"
    stamp: str = ""
    on_delivery: Callable[[], None] = lambda: None

    @property
    def origin(self) -> Origin:
        return Origin(source=self.source, stamp=self.stamp)

    def deliver(self, work: Path) -> Write:
        self.on_delivery()

        def write(directory: Path) -> None:
            saved_model(directory, self.content)

        return write


def saved_model(folder: Path, content: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(content)
    return folder


def fake_prepare(
    write: Write, folder: Path, name: str, labels: Path | None
) -> tuple[Path, Findings]:
    """Write the module, and find in it what its bytes decide; b"bad" is refused."""
    write(folder / "module")
    content = (folder / "module" / "saved_model.pb").read_bytes()
    if content == b"bad":
        raise WeightsMissing("it is bad")
    digest = hashlib.sha256(content).hexdigest()
    return folder / "module", Findings(digest, 3, 32, np.ones((8, 3), np.float32), True)


def add(cache: Path, source: FakeSource | None = None) -> Entry:
    return obtain(cache, source or FakeSource(), prepare=fake_prepare)
