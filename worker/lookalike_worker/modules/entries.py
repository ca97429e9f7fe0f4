"""The cache's entries: found without TensorFlow or network, added whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike_worker.graphs import head
from lookalike_worker.modules.disk import disk_errors, locked
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.record import (
    RECORD,
    FileRecord,
    Origin,
    Record,
    find_damage,
)

# Locks, unfinished downloads and unfinished modules; names of entries never begin with a dot.
WORK = ".work"


@dataclass(frozen=True, slots=True)
class Entry:
    """A module in the cache with its record; its files may have been damaged since."""

    directory: Path
    record: Record

    @property
    def name(self) -> str:
        """The folder's name, `encoder-first 12 digits of the digest`."""
        return self.directory.name

    def checked(self, *, untrained: bool = False, note: str = "") -> Module:
        """Give the module after comparing every file with its record.

        Raises WeightsMissing where one is damaged or gone.
        """
        damage = find_damage(self.directory, self.record)
        if damage:
            raise WeightsMissing(
                f"the encoder {self.name} in the cache is damaged: {damage}; expected the files "
                "as they were verified: have it made again with "
                f"`{self.record.again}`, or remove it with "
                f"`lookalike encoder remove {self.name}`",
                value=str(self.directory),
            )
        return Module(
            self.directory,
            self.record.space(untrained=untrained),
            self.record.input_size,
            np.load(self.directory / self.record.golden_file),
            self.record.architecture,
            note,
        )


def slug(text: str) -> str:
    """A name for an encoder, made of any text: small letters, digits, `_`, `.` and `-`."""
    return re.sub(r"[^a-z0-9_.-]+", "_", text.lower()).strip("_.-")[:64] or "module"


def entries(cache: Path) -> list[Entry]:
    """All entries whose record can be read, by name."""
    return list(_readable(path.parent for path in cache.glob(f"*/{RECORD}")))


def find_origin(cache: Path, origin: Origin) -> Entry | None:
    """The newest entry that an origin led to; None where there is none.

    An origin whose hash was not given fits any hash; one whose files are
    gone (no stamp) fits what was there.
    """
    fitting = [
        entry
        for entry in entries(cache)
        if any(_fits(origin, known) for known in entry.record.origins)
    ]
    return max(fitting, key=lambda entry: entry.record.created, default=None)


def find_name(cache: Path, name: str) -> Entry | None:
    """The entry of this name, or the only one whose encoder has it; None where there is none.

    Raises InvalidSetting where several have it.
    """
    found = entries(cache)
    fitting = [entry for entry in found if entry.name == name]
    fitting = fitting or [entry for entry in found if entry.record.encoder == name]
    if len(fitting) > 1:
        raise InvalidSetting(
            f"{len(fitting)} encoders in the cache are called {name!r}; expected the name of one: "
            f"give one of {', '.join(entry.name for entry in fitting)}",
            value=name,
        )
    return fitting[0] if fitting else None


def install(cache: Path, folder: Path, record: Record) -> Entry:
    """Move a finished module, on the cache's own disk, to its place; gives the entry.

    Where the same weights are there already, that entry stays, learns the
    further origin and, if it had none, the head. Raises WeightsMissing where
    the two have different heads.
    """
    directory = cache / f"{record.encoder}-{record.digest[:12]}"
    with locked(cache / WORK / "lock"), disk_errors(cache):
        known = next(iter(_readable([directory])), None)
        if known is not None and _is_as_good(known, record):
            return _merged(known, folder, record)
        write_record(folder, record)
        _put_away(cache, directory)
        folder.rename(directory)
    return Entry(directory, record)


def remove(cache: Path, name: str) -> None:
    """Delete an entry by its folder's name; it is gone at once, or still whole."""
    with locked(cache / WORK / "lock"), disk_errors(cache):
        _put_away(cache, cache / name)


def unreadable(cache: Path) -> list[str]:
    """The names of entries whose record is damaged, or of another release."""
    readable = {entry.name for entry in entries(cache)}
    return sorted({path.parent.name for path in cache.glob(f"*/{RECORD}")} - readable)


def _readable(directories: Iterable[Path]) -> Iterable[Entry]:
    for directory in sorted(directories):
        try:
            record = Record.model_validate_json((directory / RECORD).read_bytes())
        except (OSError, ValidationError):
            continue  # of another release, or damaged: as good as not there
        yield Entry(directory, record)


def _fits(wanted: Origin, known: Origin) -> bool:
    return (
        wanted.source == known.source
        and wanted.stamp in ("", known.stamp)
        and wanted.sha256 in ("", known.sha256)
    )


def _is_as_good(known: Entry, record: Record) -> bool:
    return known.record.trained == record.trained and not find_damage(known.directory, known.record)


def _merged(known: Entry, folder: Path, record: Record) -> Entry:
    theirs, ours = _head(known.record), _head(record)
    if theirs and ours and theirs != ours:
        raise WeightsMissing(
            f"the encoder {known.name} is in the cache with other labels; expected the same for "
            "the same weights: give this one a name of its own with `lookalike encoder add … "
            f"--name NAME`, or remove the other with `lookalike encoder remove {known.name}`",
            value=known.name,
        )
    for file in ours if not theirs else ():
        (folder / file.path).replace(known.directory / file.path)
    origins = [origin for origin in known.record.origins if origin not in record.origins]
    merged = known.record.model_copy(
        update={
            "origins": (*origins, *record.origins),
            "files": known.record.files + (() if theirs else ours),
        }
    )
    write_record(known.directory, merged)
    return Entry(known.directory, merged)


def _head(record: Record) -> tuple[FileRecord, ...]:
    names = (head.WEIGHTS.as_posix(), head.LABELS.as_posix())
    return tuple(sorted((f for f in record.files if f.path in names), key=lambda f: f.path))


def write_record(directory: Path, record: Record) -> None:
    unfinished = directory / f"{RECORD}.unfinished"
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(directory / RECORD)


def _put_away(cache: Path, directory: Path) -> None:
    if directory.exists():
        # Deleting takes a while; a rename does not, and half an entry must never be seen.
        aside = Path(tempfile.mkdtemp(prefix="removed-", dir=cache / WORK))
        directory.rename(aside / directory.name)
        shutil.rmtree(aside, ignore_errors=True)
