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
from lookalike_worker.fetching.policy import FetchPolicy


class FileReader:
    """Reads files below the roots of a policy."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy
        self._roots = [root.expanduser().resolve() for root in policy.file_roots]

    def read(self, ref: ImageRef) -> bytes:
        """The bytes of a `file:` reference; raises as `Fetcher.fetch` does."""
        try:
            path = self._allowed_path(ref.path)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
                raise ImageNotFound(
                    f"{path} {kind}; expected an image file: name the files in it one by one",
                    value=str(path),
                )
            self._policy.check_size(status.st_size)
            with open(path, "rb", opener=_open_unswapped) as file:
                data = file.read(self._policy.max_bytes + 1)
        except OSError as error:
            raise _file_error(error, ref) from error
        except (ValueError, RuntimeError) as error:  # a NUL byte; a loop of symbolic links
            raise ReferenceInvalid(f"{ref} is no valid path: {error}", value=ref.text) from error
        self._policy.check_size(len(data))
        return data

    def _allowed_path(self, path: Path) -> Path:
        """The path without symbolic links; raises ReferenceForbidden, whether or not it exists."""
        resolved = path.resolve()
        if path.is_absolute() and any(resolved.is_relative_to(root) for root in self._roots):
            return resolved
        expected = (
            f"a path below {', '.join(map(str, self._roots))}"
            if self._roots
            else "no file: references at all, since LOOKALIKE_FILE_ROOTS is not set"
        )
        raise ReferenceForbidden(
            f"found the path {path}; expected {expected}: set LOOKALIKE_FILE_ROOTS to the folder "
            "that holds the images, on the worker, or upload the bytes",
            value=str(path),
        )


def _open_unswapped(path: str, flags: int) -> int:
    # Between the look at the file and this, it may have become a link or a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


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
