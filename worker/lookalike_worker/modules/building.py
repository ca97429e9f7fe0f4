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
from lookalike_worker.modules.entries import WORK, Entry, find_origin, install, slug, write_record
from lookalike_worker.modules.findings import NASNET_LARGE_DIMENSIONS, Findings
from lookalike_worker.modules.preparation import Write, examine_apart, prepare
from lookalike_worker.modules.record import (
    RECORD,
    Origin,
    Record,
    find_damage,
    identify_golden_images,
    list_files,
    read_label,
    record_file,
)

Prepare = Callable[[Write, Path, str, Path | None], tuple[Path, Findings]]
"""Writes a module below a folder and examines it, as `prepare` does."""


Examine = Callable[[Path, str, Path], Findings]
"""Examines a module's folder by its name; the last folder is for what it needs meanwhile."""


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
            write_label(label, directory)
            (directory / RECORD).unlink(missing_ok=True)  # of the cache that it was copied from
            record = Record(
                **asdict(label),
                digest=findings.digest,
                dimensions=findings.dimensions,
                input_size=findings.input_size,
                golden_images=identify_golden_images(),
                created=datetime.now(UTC),
                origins=(source.origin,),
                files=(),
            )
            np.save(directory / record.golden_file, findings.golden)
            record = record.model_copy(update={"files": list_files(directory)})
        return install(cache, directory, record)


def renewed(cache: Path, entry: Entry, *, examine: Examine = examine_apart) -> Entry:
    """The entry with golden features of this release's golden images; most often as it is.

    Raises WeightsMissing where its files are damaged or the features cannot be computed.
    """
    golden_images = identify_golden_images()
    if entry.record.golden_images == golden_images:
        return entry
    entry.checked()
    work = cache / WORK / entry.name
    with locked(work / "lock"), _scratch(work) as scratch, disk_errors(cache):
        findings = examine(entry.directory, entry.record.encoder, scratch)
        record = entry.record.model_copy(update={"golden_images": golden_images})
        path = entry.directory / record.golden_file
        np.save(path, findings.golden)
        kept = [file for file in record.files if file.path != entry.record.golden_file]
        files = (*kept, record_file(path, entry.directory))
        record = record.model_copy(update={"files": files})
        write_record(entry.directory, record)
    return Entry(entry.directory, record)


def _label(directory: Path, findings: Findings, source: Source, wishes: Wishes) -> Label:
    own = read_label(directory)
    is_nasnet = findings.dimensions == NASNET_LARGE_DIMENSIONS
    name = wishes.name or own.encoder or ("nasnet_large" if is_nasnet else source.name)
    return Label(
        encoder=slug(name),
        trained=own.trained and not wishes.untrained,
        architecture=own.architecture,
    )


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
