"""A rate out of the moments at which rows were committed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def steady_rate(moments: Sequence[float], *, since: float) -> float:
    """Rows a second from a moment on, without the last twentieth, where batches are not full.

    `moments` are seconds, rising. The slope of a line through all rows: where
    they come in bursts, two moments could lie inside one or between two.
    """
    steady = np.asarray([m for m in moments if m >= since])
    steady = steady[: len(steady) - len(moments) // 20]
    if len(steady) < len(moments) // 3:
        raise ValueError(
            f"{len(steady)} of {len(moments)} rows are of the steady part; expected a third at "
            "least: give more images"
        )
    seconds = steady - steady[0]
    return float(np.polyfit(seconds, np.arange(len(seconds)), 1)[0])
