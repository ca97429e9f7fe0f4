"""Folders and small files of the all-in-one: locks, and writes that are never half done."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from pathlib import Path


class FolderLock:
    """A lock file that the kernel frees when the last process holding it is gone.

    Unlike a process id in a file it never goes stale. A child that is given
    `fileno()` holds the lock as well, and so do the child's own children.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, timeout_s: float) -> bool:
        """Take the lock, waiting at most `timeout_s` seconds; whether it was had."""
        if self._descriptor >= 0:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        deadline = time.monotonic() + timeout_s
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.02)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give up this process's hold; children that inherited it keep theirs."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def fileno(self) -> int:
        return self._descriptor


def is_locked(path: Path) -> bool:
    """Whether any process holds the lock; raises OSError where the file cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Create a folder and those above it; other accounts may pass through the new ones only.

    Existing folders keep their permissions.
    """
    for path in [*reversed(folder.parents), folder]:
        if not path.exists():
            path.mkdir(exist_ok=True)
            # Whatever the umask: a server's own account has to reach its data.
            path.chmod(0o711)


def write_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file in one step, so that readers see the old text or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
