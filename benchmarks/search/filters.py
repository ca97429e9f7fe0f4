"""Which rows filters let pass: nested sets of half of them to one in a thousand, at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SHARES = {"half": 0.5, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001}
"""A set's name, which images have in their metadata under `in`, and its share of the rows."""


def members(n_rows: int) -> dict[str, npt.NDArray[np.bool_]]:
    """For each set, whether each row is in it."""
    draws = np.random.default_rng(2).random(n_rows)
    return {name: draws < share for name, share in SHARES.items()}


def sets_of_rows(n_rows: int) -> list[list[str]]:
    """For each row, the names of the sets that it is in."""
    of = members(n_rows)
    return [[name for name in SHARES if of[name][row]] for row in range(n_rows)]
