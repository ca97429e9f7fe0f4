"""A wall clock that is stepped while its process runs.

Only Python's `time.time` and `time.time_ns` follow: what is written in C,
Postgres and Redis keep the machine's clock, which a test must not touch.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

_LOOK_S = 0.1


def follow_steps(path: Path) -> None:
    """From now on, add to the wall clock the seconds that a file says.

    To be called before anything is imported that keeps `time.time` for itself.
    """
    now, now_ns = time.time, time.time_ns
    offset_s = 0.0

    def look() -> None:
        nonlocal offset_s
        pause = threading.Event()
        while not pause.wait(_LOOK_S):
            with suppress(OSError, ValueError):
                offset_s = float(path.read_text())

    time.time = lambda: now() + offset_s
    time.time_ns = lambda: now_ns() + int(offset_s * 1e9)
    threading.Thread(target=look, name="clock", daemon=True).start()
