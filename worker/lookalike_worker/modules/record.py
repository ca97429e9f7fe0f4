"""What stands in the cache beside a module: the record of what was verified."""

from __future__ import annotations

import functools
import hashlib
import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lookalike.errors import WeightsMissing
from lookalike.features import FeatureSpace
from lookalike_worker.golden import golden_images
from lookalike_worker.graphs import head
from lookalike_worker.graphs.label import LABEL, Label

RECORD = Path("record.json")


class FileRecord(BaseModel):
    """One file of an entry; `path` is below its folder, with slashes."""

    model_config = ConfigDict(frozen=True)

    path: str
    n_bytes: int
    sha256: str


class Origin(BaseModel):
    """Where a module came from.

    `stamp` changes whenever local files do (names, sizes, times), or the
    graph of an encoder of our own; `sha256` is what a file was asked to have.
    Both are empty where they mean nothing.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    stamp: str = ""
    sha256: str = ""


class Record(BaseModel):
    """What was found out about a module when it entered the cache; `record.json` is this.

    `golden_images` says which images its golden features are of.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    encoder: str
    digest: str
    dimensions: int
    trained: bool
    input_size: int
    architecture: str
    golden_images: str
    created: datetime
    origins: tuple[Origin, ...]
    files: tuple[FileRecord, ...]

    def space(self, *, untrained: bool = False) -> FeatureSpace:
        """The feature space; `untrained` labels it so although the record does not."""
        trained = self.trained and not untrained
        return FeatureSpace(self.encoder, self.digest, self.dimensions, trained)

    @property
    def again(self) -> str:
        """The command that makes the entry anew."""
        source, untrained, _ = self.origins[-1].source.partition(" --untrained")
        return f"lookalike encoder add {shlex.quote(source)}{untrained}"

    @property
    def golden_file(self) -> str:
        """Where the features of the golden images are, float32, shape (8, dimensions)."""
        return f"golden-{self.golden_images}.npy"

    @property
    def n_bytes(self) -> int:
        """The size of all files."""
        return sum(file.n_bytes for file in self.files)

    @property
    def has_head(self) -> bool:
        """Whether labels of images can be computed from the features."""
        return any(file.path == head.WEIGHTS.as_posix() for file in self.files)


@functools.cache
def identify_golden_images() -> str:
    """Which golden images this release has: features of others are no reference."""
    return hashlib.sha256(golden_images(32).tobytes()).hexdigest()[:12]


def read_label(directory: Path) -> Label:
    """The label of a module's folder, nameless where it has none; WeightsMissing if damaged."""
    path = directory / LABEL
    if not path.is_file():
        return Label("", trained=True)
    try:
        said = json.loads(path.read_bytes())
        return Label(str(said["encoder"]), bool(said["trained"]), str(said.get("architecture", "")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise WeightsMissing(
            f"{path} is no label of an encoder ({error!r}); expected "
            '{"encoder": …, "trained": true}: correct it or remove it',
            value=str(path),
        ) from error


def list_files(directory: Path) -> tuple[FileRecord, ...]:
    """Hash all files below a folder but the record itself."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return tuple(record_file(path, directory) for path in paths if path != directory / RECORD)


def record_file(path: Path, directory: Path) -> FileRecord:
    """Hash one file below a folder."""
    return FileRecord(
        path=path.relative_to(directory).as_posix(),
        n_bytes=path.stat().st_size,
        sha256=sha256_of(path),
    )


def find_damage(directory: Path, record: Record) -> str:
    """What is not as it was recorded, in words; empty where every file is."""
    for file in record.files:
        path = directory / file.path
        try:
            n_bytes = path.stat().st_size
            if n_bytes != file.n_bytes:
                return f"{file.path} has {n_bytes:,} bytes, not {file.n_bytes:,}"
            if sha256_of(path) != file.sha256:
                return f"the bytes of {file.path} are not those that were recorded"
        except OSError as error:
            return f"{file.path} cannot be read ({error.strerror})"
    return ""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; 355 MB took 0.4 s where the CPU has it built in."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
