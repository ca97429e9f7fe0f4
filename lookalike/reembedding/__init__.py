"""A collection changes its encoder while it is searched: fill, compare, flip, drop."""

from __future__ import annotations

from lookalike.reembedding.changes import Change
from lookalike.reembedding.comparing import Compared, Comparison
from lookalike.reembedding.estimating import Estimate, Pace
from lookalike.reembedding.missing import Missing
from lookalike.reembedding.operating import Reembedding
from lookalike.reembedding.progress import Progress
from lookalike.reembedding.sweeping import sweep

__all__ = [
    "Change",
    "Compared",
    "Comparison",
    "Estimate",
    "Missing",
    "Pace",
    "Progress",
    "Reembedding",
    "sweep",
]
