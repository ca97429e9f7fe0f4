"""What a source delivered becomes a module: written as a SavedModel, examined, served."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from lookalike.errors import Misconfigured
from lookalike_worker.graphs.label import LABEL
from lookalike_worker.modules.apart import call_apart
from lookalike_worker.modules.disk import disk_errors
from lookalike_worker.modules.findings import Findings

Write = Callable[[Path], None]
"""Writes a SavedModel to a folder that does not exist yet; another process may run it."""

# Not "tensorflow": Keras on JAX loads that too where it is installed, and cannot export.
_TENSORFLOW = "lookalike_worker.quiet_tensorflow"

# ImageNet's classes, without and with slim's background class.
_N_CLASSES = (1000, 1001)


def prepare(write: Write, folder: Path, name: str, labels: Path | None) -> tuple[Path, Findings]:
    """Write a module below a folder and examine it; gives where it stands in the end.

    A classification module becomes a feature vector module with a head. Runs
    in a process of its own, so that the memory that TensorFlow takes goes back
    when it ends, unless TensorFlow is loaded here already.
    """
    if _TENSORFLOW in sys.modules:
        return _prepare(write, folder, name, labels)
    return call_apart(folder, _prepare, write, folder, name, labels)


def examine_apart(directory: Path, name: str, folder: Path) -> Findings:
    """Examine a module that stands already, in a process of its own likewise."""
    if _TENSORFLOW in sys.modules:
        return _examine(directory, name)
    return call_apart(folder, _examine, directory, name)


def _prepare(write: Write, folder: Path, name: str, labels: Path | None) -> tuple[Path, Findings]:
    module = folder / "module"
    with disk_errors(folder):
        write(module)
    findings = _examine(module, name)
    is_ours = (module / LABEL).is_file()
    if labels is not None or (findings.dimensions in _N_CLASSES and not is_ours):
        from lookalike_worker.graphs.classification import export_classification

        features = folder / "features"
        export_classification(module, labels, features)
        module, findings = features, _examine(features, name)
    if not findings.is_served:
        from lookalike_worker.graphs.feature_vector import rewrap

        served = folder / "served"
        rewrap(module, served, size=findings.input_size)
        module, findings = served, _examine(served, name)
    return module, findings


def _examine(directory: Path, name: str) -> Findings:
    try:
        from lookalike_worker.modules.verification import examine
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"{error.name} is not installed, and a new encoder is verified with TensorFlow: "
            "pip install 'lookalike[worker]'",
            value=error.name,
        ) from error
    return examine(directory, name)
