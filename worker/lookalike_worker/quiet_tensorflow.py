"""TensorFlow and TensorFlow Hub, imported without their noise: the wall around both.

Importing this file takes seconds; only what runs or exports a graph imports it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lookalike.settings import environment

__all__ = ["hub", "keras", "tf"]

if "TF_CPP_MIN_LOG_LEVEL" not in environment():
    # 2: errors only. C++ reads it, so the C environment is where it must stand.
    os.putenv("TF_CPP_MIN_LOG_LEVEL", "2")


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what is written to standard error, and show it only if the block fails.

    TensorFlow reports absent GPU drivers from C++ before any log level
    counts, so the file descriptor itself is turned aside.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _quiet_start(), warnings.catch_warnings():
    # tensorflow-hub 0.16 imports pkg_resources, which warns that it will go.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources")
    import keras
    import tensorflow as tf
    import tensorflow_hub as hub

    tf.config.list_physical_devices()
