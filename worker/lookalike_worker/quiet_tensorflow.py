"""TensorFlow and TensorFlow Hub, imported without their noise: the wall around both.

Importing this file takes seconds; only what runs or exports a graph imports it.
"""

from __future__ import annotations

import warnings

from lookalike_worker.quiet_start import quiet_start

__all__ = ["convert_variables_to_constants_v2", "hub", "tf"]

with quiet_start(), warnings.catch_warnings():
    # tensorflow-hub 0.16 imports pkg_resources, which warns that it will go.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources")
    import tensorflow as tf
    import tensorflow_hub as hub
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf.config.list_physical_devices()
