"""Files below the folders that the operator has named."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    LookalikeError,
    ReferenceForbidden,
    ReferenceInvalid,
)
from lookalike.images import ImageRef
from lookalike.sources.file_roots import KERNEL_FOLDERS, resolved_roots, root_of
from lookalike_worker.fetching.policy import FetchPolicy

# Linux lets a folder be passed through that may be searched but not listed.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
# Not blocking: what was a file may have become a pipe.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class FileReader:
    """Reads files below the roots of a policy."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy
        self._roots = resolved_roots(policy.file_roots)

    def read(self, ref: ImageRef) -> bytes:
        """The bytes of a `file:` reference; raises as `Fetcher.fetch` does."""
        try:
            root, path = self._allowed(ref.path)
            with os.fdopen(_open_below(root, path), "rb") as file:
                status = os.fstat(file.fileno())
                _check_kind(status, path)
                self._policy.check_size(status.st_size)
                data = file.read(self._policy.max_bytes + 1)
        except OSError as error:
            raise _file_error(error, ref) from error
        except ValueError as error:  # a NUL byte
            raise ReferenceInvalid(f"{ref} is no valid path: {error}", value=ref.text) from error
        self._policy.check_size(len(data))
        return data

    def _allowed(self, path: Path) -> tuple[Path, Path]:
        """The root, and the path without symbolic links, whether or not something is there.

        Raises ReferenceForbidden for a path below no root.
        """
        # Unlike Path.resolve, this leaves a loop of links to be found when it is opened.
        resolved = Path(os.path.realpath(path))
        root = root_of(resolved, self._roots) if path.is_absolute() else None
        if root is not None:
            return root, resolved
        expected = (
            f"a path below {', '.join(map(str, self._roots))}, "
            f"not of {', '.join(map(str, KERNEL_FOLDERS))}"
            if self._roots
            else "no file: references at all, since LOOKALIKE_FILE_ROOTS is not set"
        )
        raise ReferenceForbidden(
            f"found the path {path}; expected {expected}: set LOOKALIKE_FILE_ROOTS to the folder "
            "that holds the images, on the worker, or upload the bytes",
            value=str(path),
        )


def _open_below(root: Path, path: Path) -> int:
    """Open a file by way of each folder from the root on, and no link.

    The path has no links: one on the way was put there since it was resolved, and
    may lead out of the root.
    """
    folder = os.open(root, _FOLDER)
    try:
        *folders, name = path.relative_to(root).parts or (".",)
        for part in folders:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Before it is opened as well: opening a device may set it to work.
        _check_kind(os.stat(name, dir_fd=folder, follow_symlinks=False), path)
        return os.open(name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _check_kind(status: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not stat.S_ISREG(status.st_mode):
        kind = "is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
        raise ImageNotFound(
            f"{path} {kind}; expected an image file: name the files in it one by one",
            value=str(path),
        )


def _file_error(error: OSError, ref: ImageRef) -> LookalikeError:
    if isinstance(error, PermissionError):
        return ReferenceForbidden(
            f"found that the worker may not read {ref.path}; expected a readable file: change "
            "its permissions, or upload the bytes",
            value=ref.text,
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return ImageNotFound(
            f"found nothing at {ref.path}; expected an image file: check the path, and that the "
            "worker's machine has the same folder",
            value=ref.text,
        )
    return FetchFailed(f"{ref.path} cannot be read now ({error}): check its disk", value=ref.text)
