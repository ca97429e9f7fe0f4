"""An entry of the cache looked at again, as thoroughly as when it was added."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from lookalike.errors import WeightsMissing
from lookalike_worker.golden import LEAST_COSINE
from lookalike_worker.modules.building import Examine, renewed
from lookalike_worker.modules.entries import Entry
from lookalike_worker.modules.preparation import examine_apart


def audit(cache: Path, entry: Entry, *, examine: Examine = examine_apart) -> str:
    """Hash an entry's files and run it on the golden images; gives what was found, in words.

    Golden features of another release's images are computed anew. Raises
    WeightsMissing where something differs from the record.
    """
    entry = renewed(cache, entry, examine=examine)
    module = entry.checked()
    with tempfile.TemporaryDirectory(prefix="lookalike-") as scratch:
        findings = examine(module.directory, module.space.encoder, Path(scratch))
    if findings.digest != module.space.digest:
        raise _differs(entry, f"its weights have the digest {findings.digest}")
    norms = np.linalg.norm(findings.golden, axis=1) * np.linalg.norm(module.golden, axis=1)
    products = (findings.golden * module.golden).sum(axis=1)
    least = float((products / np.maximum(norms, np.finfo(np.float32).tiny)).min())
    if not least >= LEAST_COSINE:
        raise _differs(entry, f"its features of the golden images have a cosine of {least:.5f}")
    return (
        f"{len(entry.record.files)} files, {entry.record.n_bytes / 1e6:,.0f} MB, as recorded; "
        f"golden images again with a cosine of {least:.6f}"
    )


def _differs(entry: Entry, found: str) -> WeightsMissing:
    return WeightsMissing(
        f"the encoder {entry.name} is not what it was when it was added: {found}; expected the "
        "recorded ones, since no file changed: see whether TensorFlow works on this machine, and "
        f"add it again with `{entry.record.again}`",
        value=entry.name,
    )
