"""What a decoder process takes from itself before it looks at a picture."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lookalike_worker.decoding.wire import Limits

# Pixels of 1,024 × 1,024 and a thumbnail are 4 MB.
_MAX_WRITTEN = 64_000_000
_MAX_FILES = 32
_OOM_SCORE = Path("/proc/self/oom_score_adj")


def confine(limits: Limits) -> None:
    """Let this process have little memory and few files, and leave the worker's signals to it."""
    # A terminal and a supervisor send these to all of a worker's processes; the worker decides
    # what is still decoded, and closes the pipe at its end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Files in memory are not in the address space: without the second limit, they could grow.
    for what, limit in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, _MAX_WRITTEN),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    # Where the machine's memory runs out, a decoder goes before the worker with its encoder.
    with suppress(OSError):
        _OOM_SCORE.write_text("1000")


@contextmanager
def timed(limits: Limits) -> Iterator[None]:
    """Let the kernel end this process where a picture takes too long.

    By a signal that nobody handles: Python would handle one only after the
    decoder returned, which an endless loop never does. Also where the worker
    is gone and nobody else is there to end it.
    """
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_s)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def silence() -> int:
    """Point output and errors nowhere; gives a descriptor of what was the output.

    Codecs write what a file dictates, and it would stand in the worker's log.
    """
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return answers
