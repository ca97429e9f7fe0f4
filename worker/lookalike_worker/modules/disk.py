"""The disk below the cache: whether it has room, what its errors mean, who may write now."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import DiskFull, InvalidSetting

FreeBytes = Callable[[Path], int]
"""Gives the bytes that may still be written to a folder's disk."""

# What NASNet-A Large takes, written as a module.
MODULE_BYTES = 400_000_000

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def free_bytes(folder: Path) -> int:
    """The free bytes of a folder's disk."""
    return shutil.disk_usage(folder).free


def check_room(folder: Path, n_bytes: int, what: str, free: FreeBytes = free_bytes) -> None:
    """Raise DiskFull where a folder's disk has fewer than `n_bytes` free."""
    there = free(folder)
    if there < n_bytes:
        raise DiskFull(
            f"{there / 1e6:,.0f} MB are free on the disk of {folder}; expected "
            f"{n_bytes / 1e6:,.0f} MB for {what}: free some, for instance with `lookalike encoder "
            "remove`, or set LOOKALIKE_HOME to a folder on another disk",
            value=there,
        )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say of a full disk, or of one that cannot be written, what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"the disk of {folder} is full, or this account's share of it ({error}); expected "
                "room for the encoder: free some, for instance with `lookalike encoder remove`, "
                "or set LOOKALIKE_HOME to a folder on another disk",
                value=str(folder),
            ) from error
        raise InvalidSetting(
            f"the encoders' folder {folder} cannot be used ({error}); expected a place to read "
            "from and write to: change its permissions, or set LOOKALIKE_HOME to another folder",
            value=str(folder),
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes as long as the context is open; others wait."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    # The kernel gives this lock back when its process dies, however it dies.
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
