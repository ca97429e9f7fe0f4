"""Archives unpacked with suspicion: nothing outside the folder, nothing without bound."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from lookalike.errors import WeightsMissing
from lookalike_worker.modules.disk import FreeBytes, check_room, disk_errors, free_bytes

# NASNet-A Large's module has 355 MB in some ten files.
_MAX_BYTES = 4_000_000_000
_MAX_MEMBERS = 10_000
_CHUNK = 1 << 20


def unpack(
    archive: Path, directory: Path, *, max_bytes: int = _MAX_BYTES, free: FreeBytes = free_bytes
) -> None:
    """Unpack a .tar.gz to a folder that does not exist yet.

    Raises WeightsMissing where it is truncated or damaged, holds more than
    `max_bytes`, or names a place outside the folder; what was unpacked by then stays.
    """
    with disk_errors(directory):
        directory.mkdir()
        try:
            with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
                _extract(tar, directory, max_bytes, free)
                # The checksum stands at the end of the stream, beyond the end of the tar.
                while stream.read(_CHUNK):
                    pass
        except (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile) as error:
            raise _refused(archive, error) from error


def _extract(tar: tarfile.TarFile, directory: Path, max_bytes: int, free: FreeBytes) -> None:
    total = 0
    for n_members, member in enumerate(tar):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise tarfile.OutsideDestinationError(member, str(path))
        total += member.size
        if total > max_bytes or n_members >= _MAX_MEMBERS:
            raise tarfile.ReadError(
                f"it holds more than {max_bytes:,} bytes or {_MAX_MEMBERS:,} files"
            )
        check_room(directory, member.size, f"{path} of the archive", free)
        # Refuses links that point outside, devices and pipes.
        tar.extract(member, directory, filter="data")


def _refused(archive: Path, error: Exception) -> WeightsMissing:
    if isinstance(error, tarfile.FilterError):
        return WeightsMissing(
            f"the archive {archive} was refused: {error}; expected files inside its own folder "
            "only: do not use it, and get the module from a place that you trust",
            value=str(archive),
        )
    return WeightsMissing(
        f"the archive {archive} is truncated or damaged ({error}); expected a complete .tar.gz: "
        "get it again, and compare its size and hash with those where it came from",
        value=str(archive),
    )
