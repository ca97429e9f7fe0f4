"""The gate: a runtime whose features are not the module's may not write."""

from __future__ import annotations

import numpy as np

from lookalike.errors import RuntimeDisagrees
from lookalike.features import Features, FeatureSpace
from lookalike_worker.golden import LEAST_COSINE, golden_images
from lookalike_worker.modules.module import Module
from lookalike_worker.runtimes.padding import run_padded
from lookalike_worker.runtimes.runtime import Runtime


def least_cosine(runtime: Runtime, module: Module, *, batch_size: int = 1) -> float:
    """The least cosine of a runtime's features of the golden images with the module's own.

    The runtime runs in batches of `batch_size`, which it prepares.
    """
    runtime.prepare(batch_size)
    images = golden_images(module.input_size)
    starts = range(0, len(images), batch_size)
    ours = np.concatenate(
        [run_padded(runtime, images[start : start + batch_size], batch_size) for start in starts]
    )
    return agreement(ours, module.golden)


def agreement(ours: Features, theirs: Features) -> float:
    """The least cosine of rows with their counterparts; -1 for another shape or what is no number.

    Both are of shape (n, dimensions).
    """
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return -1.0
    return float(cosines(ours, theirs).min())


def cosines(ours: Features, theirs: Features) -> Features:
    """Cosine of each row with its counterpart, both of shape (n, d); 0 where one is all zeros."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    products = np.einsum("nd,nd->n", ours, theirs, dtype=np.float64)
    zeros = np.zeros(len(ours))
    result: Features = np.divide(products, lengths, out=zeros, where=lengths > 0).astype(np.float32)
    return result


def check_faithful(runtime: Runtime, module: Module, *, batch_size: int) -> None:
    """Raise RuntimeDisagrees unless the least cosine of all golden images is 0.999 or more."""
    least = least_cosine(runtime, module, batch_size=batch_size)
    if least < LEAST_COSINE:
        raise RuntimeDisagrees(
            f"the runtime {runtime.name}, in batches of {batch_size}, disagrees with TensorFlow in "
            f"fp32 on the golden images of {module.space}: found a cosine of {least:.5f}, expected "
            f"{LEAST_COSINE} or more: set LOOKALIKE_PRECISION=fp32 or another LOOKALIKE_RUNTIME, "
            "and run `lookalike encoder verify`",
            value=least,
        )


def check_reference(
    stored: Features, space: FeatureSpace, *, runtime: str, ours: Features, module: Features
) -> None:
    """Raise RuntimeDisagrees unless a worker agrees with what is stored for its feature space.

    All are features of the golden images, float32 of shape (n, dimensions):
    `stored` in the database, `ours` by the worker's runtime, and `module` by
    TensorFlow in fp32, as this machine's copy of the module tells them.
    """
    least = agreement(module, stored)
    if least < LEAST_COSINE:
        raise RuntimeDisagrees(
            f"the module that the runtime {runtime} has loaded disagrees with the reference that "
            f"is stored in the database for {space}: found a cosine of {least:.5f} on the golden "
            f"images, expected {LEAST_COSINE} or more: run `lookalike encoder verify`; where the "
            "module is sound, make the database forget its reference: docs/encoders.md",
            value=least,
        )
    least = agreement(ours, stored)
    if least < LEAST_COSINE:
        raise RuntimeDisagrees(
            f"the runtime {runtime} disagrees with the reference that is stored in the database "
            f"for {space}: found a cosine of {least:.5f} on the golden images, expected "
            f"{LEAST_COSINE} or more: set LOOKALIKE_PRECISION=fp32 or another LOOKALIKE_RUNTIME",
            value=least,
        )
