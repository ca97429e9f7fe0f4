"""Which files may be read: those below the folders that the operator has named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# What the kernel makes up here is of processes and devices, secrets of the environment
# among them; no picture is here but on purpose, as below /dev/shm.
KERNEL_FOLDERS = (Path("/dev"), Path("/proc"), Path("/sys"))


def resolved_roots(roots: Iterable[Path]) -> tuple[Path, ...]:
    """The roots as `root_of` expects them: absolute, and without symbolic links."""
    return tuple(root.expanduser().resolve() for root in roots)


def root_of(path: Path, roots: Iterable[Path]) -> Path | None:
    """The first root that lets a file be read, or None; the path is resolved as well.

    A root such as "/" does not stand for /dev, /proc and /sys in it: one of these
    has to be a root itself, or a folder in it.
    """
    barred = [folder for folder in KERNEL_FOLDERS if path.is_relative_to(folder)]
    for root in roots:
        if path.is_relative_to(root) and all(root.is_relative_to(it) for it in barred):
            return root
    return None
