"""TensorFlow and TensorFlow Hub, imported without their noise: the wall around both.

Importing this file takes seconds; only what runs or exports a graph imports it.
"""

from __future__ import annotations

import warnings
from typing import Any

from lookalike_worker.quiet_start import quiet_start

__all__ = ["hub", "tf"]

with quiet_start(), warnings.catch_warnings():
    # tensorflow-hub 0.16 imports pkg_resources, which warns that it will go.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources")
    import tensorflow as tf
    import tensorflow_hub as hub

    tf.config.list_physical_devices()


def __getattr__(name: str) -> Any:
    # Until everybody takes it from there.
    if name == "keras":
        from lookalike_worker.quiet_keras import keras

        return keras
    raise AttributeError(name)
