"""What a full disk means for a run, whether Python or TensorFlow met it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import DiskFull
from lookalike_worker.quiet_tensorflow import tf

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# TensorFlow passes on what the system says, in words.
_FULL_IN_WORDS = ("No space left", "quota exceeded", "File too large")


# A run writes its weights this many times: the last checkpoint with two moments for each
# weight and the best one, each beside its predecessor, the module, and its copy in the cache.
_N_WEIGHTS = 10


def check_room(run: Path, module: Path, n_bytes_of_pixels: int) -> None:
    """Raise DiskFull where the disk of a run's folder has no room for a training of a module."""
    weights = sum(file.stat().st_size for file in (module / "variables").glob("*"))
    wanted = _N_WEIGHTS * weights + n_bytes_of_pixels
    free = shutil.disk_usage(run).free
    if free < wanted:
        raise DiskFull(
            f"{free / 1e6:,.0f} MB are free on the disk of {run}; expected {wanted / 1e6:,.0f} MB "
            "for pixels, checkpoints and the new module: free some, or choose another disk "
            "with --out",
            value=free,
        )


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Raise DiskFull where writing to the folder fails for lack of room; other errors pass."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        said = any(words in str(error) for words in _FULL_IN_WORDS)
        if not said and getattr(error, "errno", None) not in _FULL:
            raise
        raise DiskFull(
            f"the disk of {folder} is full; expected room for pixels, checkpoints and the new "
            "module: free some and give the same command again, it goes on from the last "
            "checkpoint; or choose another disk with --out",
            value=str(folder),
        ) from error
