"""A query's features as the text that Postgres reads, made quickly."""

from __future__ import annotations

import numpy as np

from lookalike.features import Features

_LARGEST = 9999
_TEXTS = np.array([b"%d," % n for n in range(-_LARGEST, _LARGEST + 1)], dtype="S6")


def halfvec_text(features: Features) -> str:
    """The features times a factor, as whole numbers up to 9,999: their direction is what counts.

    Cosine distances change by about 1e-7. `HalfVector.to_text` takes longer
    for 4,032 numbers than Postgres takes for the whole search.
    """
    largest = float(np.abs(features).max()) or 1.0
    whole = np.rint(features * (_LARGEST / largest)).astype(np.int64)
    # NumPy fills shorter texts up with NULs.
    numbers = _TEXTS[whole + _LARGEST].tobytes().translate(None, b"\0")
    return f"[{numbers[:-1].decode('ascii')}]"
