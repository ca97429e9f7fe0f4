"""Importing TensorFlow, alone or under Keras, without its noise."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from lookalike.environment import set_variable

# 2: errors only. TensorFlow's and XLA's C++ read it when they are loaded.
set_variable("TF_CPP_MIN_LOG_LEVEL", "2", replace=False)


@contextmanager
def quiet_start() -> Iterator[None]:
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
