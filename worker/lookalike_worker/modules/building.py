"""From a source to an entry of the cache: delivered, prepared, recorded, moved to its place."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from lookalike_worker.graphs.label import Label, write_label
from lookalike_worker.modules.disk import disk_errors, locked
from lookalike_worker.modules.entries import WORK, Entry, find_origin, install, slug
from lookalike_worker.modules.findings import NASNET_LARGE_DIMENSIONS, Findings
from lookalike_worker.modules.preparation import Write, prepare
from lookalike_worker.modules.record import (
    GOLDEN,
    RECORD,
    Origin,
    Record,
    find_damage,
    list_files,
    read_label,
)

Prepare = Callable[[Write, Path, str, Path | None], tuple[Path, Findings]]
"""Writes a module below a folder and examines it, as `prepare` does."""


class Source(Protocol):
    """Somewhere that a module can be had from."""

    @property
    def origin(self) -> Origin:
        """What the record remembers: the same origin is not asked twice."""

    @property
    def name(self) -> str:
        """What the encoder is called where its own label does not say."""

    def deliver(self, work: Path) -> Write:
        """Bring what is needed to this machine; what is left in `work` helps the next try."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants of an entry beyond what its source says; `sound`: not damaged."""

    name: str = ""
    labels: Path | None = None
    untrained: bool = False
    sound: bool = False

    def are_met_by(self, entry: Entry) -> bool:
        """Whether an entry that is there already will do."""
        record = entry.record
        return (
            self.name in ("", record.encoder)
            and self.labels is None
            and not (self.untrained and record.trained)
            and not (self.sound and find_damage(entry.directory, record))
        )


def obtain(
    cache: Path, source: Source, wishes: Wishes | None = None, *, prepare: Prepare = prepare
) -> Entry:
    """Give the entry of a source, made now if there is none; two processes make it once.

    Raises WeightsMissing, InvalidSetting or Misconfigured; the cache then
    holds no more than what was downloaded so far.
    """
    wishes = wishes or Wishes()
    found = find_origin(cache, source.origin)
    if found is not None and wishes.are_met_by(found):
        return found
    work = cache / WORK / hashlib.sha256(source.origin.source.encode()).hexdigest()[:16]
    with locked(work / "lock"):
        found = find_origin(cache, source.origin)
        if found is not None and wishes.are_met_by(found):
            return found
        return _make(cache, source, wishes, work, prepare)


def _make(cache: Path, source: Source, wishes: Wishes, work: Path, prepare: Prepare) -> Entry:
    write = source.deliver(work)
    with _scratch(work) as scratch:
        directory, findings = prepare(write, scratch, source.name, wishes.labels)
        label = _label(directory, findings, source, wishes)
        with disk_errors(cache):
            _write_beside(directory, label, findings)
            record = Record(
                **asdict(label),
                digest=findings.digest,
                dimensions=findings.dimensions,
                input_size=findings.input_size,
                created=datetime.now(UTC),
                origins=(source.origin,),
                files=list_files(directory),
            )
        return install(cache, directory, record)


def _label(directory: Path, findings: Findings, source: Source, wishes: Wishes) -> Label:
    own = read_label(directory)
    is_nasnet = findings.dimensions == NASNET_LARGE_DIMENSIONS
    name = wishes.name or own.encoder or ("nasnet_large" if is_nasnet else source.name)
    return Label(
        encoder=slug(name),
        trained=own.trained and not wishes.untrained,
        architecture=own.architecture,
    )


def _write_beside(directory: Path, label: Label, findings: Findings) -> None:
    write_label(label, directory)
    np.save(directory / GOLDEN, findings.golden)
    (directory / RECORD).unlink(missing_ok=True)  # of the cache that it was copied from


@contextmanager
def _scratch(work: Path) -> Iterator[Path]:
    """A new folder for one try; those of tries that were killed go."""
    with disk_errors(work):
        for left in work.glob("try-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="try-", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
