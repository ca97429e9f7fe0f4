"""The learning rate over a run: a short warm-up, then a cosine down to zero."""

from __future__ import annotations

import math

# The head is trained already, but AdamW's moments are empty: full steps at once undo weights.
_WARM_UP = 0.1


def learning_rate(peak: float, step: int, n_steps: int) -> float:
    """The rate of step `step`, counted from 0, of `n_steps` in all."""
    warm_up = max(n_steps * _WARM_UP, 1.0)
    if step + 1 < warm_up:
        return peak * (step + 1) / warm_up
    share = (step + 1 - warm_up) / max(n_steps - warm_up, 1.0)
    return peak * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
