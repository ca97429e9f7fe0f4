"""Keras, imported without its noise: the wall around it.

Keras computes with one backend for the life of a process, and decides it when
it is imported: the one that KERAS_BACKEND names, else TensorFlow.
"""

from __future__ import annotations

from lookalike.environment import environment, set_variable
from lookalike.errors import Misconfigured
from lookalike_worker.quiet_start import quiet_start

__all__ = ["keras", "require_backend"]

# Keras would otherwise read a file in the user's home.
set_variable("KERAS_BACKEND", "tensorflow", replace=False)

if environment()["KERAS_BACKEND"] == "tensorflow":
    # Keras imports TensorFlow anyway, and not as quietly.
    import lookalike_worker.quiet_tensorflow  # noqa: F401

with quiet_start():
    import keras


def require_backend(name: str) -> None:
    """Raise Misconfigured unless Keras computes with `name` in this process."""
    found = keras.config.backend()
    if found != name:
        raise Misconfigured(
            f"Keras computes with {found} in this process; expected {name}: unset KERAS_BACKEND, "
            "and start again where nothing has used Keras before",
            value=found,
        )
