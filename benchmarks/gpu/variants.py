"""What is tried: the graph in float32 and bfloat16, in several wordings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Variant:
    """A wording of the graph (the fields of `Rewriting`) and the type its kernels are kept in."""

    name: str
    rewriting: dict[str, bool] = field(default_factory=dict)
    narrow_kernels: bool = False


_BOTH = {"shifts": True, "products": True}

# The first is the worker's own; "tf32" are float32 products as JAX does them unless told otherwise.
VARIANTS = (
    Variant("bf16 shifts products", {"bf16": True, **_BOTH}, narrow_kernels=True),
    Variant("bf16 shifts", {"bf16": True, "shifts": True}, narrow_kernels=True),
    Variant("bf16 products", {"bf16": True, "products": True}, narrow_kernels=True),
    Variant("bf16", {"bf16": True}, narrow_kernels=True),
    Variant("mixed_bfloat16", {"bf16": True}),
    Variant("tf32 shifts products", _BOTH),
    Variant("tf32"),
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A variant at a batch size; bytes are the program's own, cosine the least over golden images.

    `xla_flops` and `xla_bytes` are what XLA itself estimates for one batch, 0 where it does not.
    """

    variant: str
    batch: int
    images_per_s: float
    min_cosine: float
    device_mib: float = 0.0
    xla_flops: float = 0.0
    xla_bytes: float = 0.0
    compile_s: float = 0.0

    def line(self, bound: float) -> str:
        """One row of the table; `bound` is the roofline's images/s."""
        return (
            f"{self.variant:28} {self.batch:5} {self.images_per_s:9.1f} "
            f"{1000 * self.batch / self.images_per_s:9.2f} {self.min_cosine:9.6f} "
            f"{self.device_mib:8.0f} {self.images_per_s / bound:7.1%} {self.compile_s:9.1f}"
        )

    def fields(self) -> dict[str, Any]:
        return asdict(self)


def least_cosine(features: npt.NDArray[np.float32], reference: npt.NDArray[np.float32]) -> float:
    """The least of the first images, row by row, as far as both go."""
    n = min(len(features), len(reference))
    ours, theirs = features[:n], reference[:n]
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


HEADER = (
    f"{'variant':28} {'batch':>5} {'images/s':>9} {'ms/batch':>9} {'cosine':>9} "
    f"{'MiB':>8} {'of roof':>7} {'compile s':>9}"
)
