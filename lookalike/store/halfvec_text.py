"""Features as the text that Postgres reads a halfvec from, fast.

A search by features sends them as text, and that cost more than a search by an index. Of 4,032
features, written by `repr` and by this: 1.2 and 0.12 ms to write, 34 and 15 kB, 0.44 and 0.33 ms to
send and have read by a Postgres on the same machine (`python -m benchmarks.halfvec_text`).

A half has 65,536 values, so the text of each is made once and looked up. Distances are cosine
distances, which know no length: features are first scaled by a power of two, which changes no
digit of theirs, to where a half is an integer or has few decimals.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from lookalike.errors import FeaturesInvalid

# The largest of the scaled features is at least half of it, and below: far from a half's 65,504.
_SCALE = 15
# A sign, five digits and a point, and a comma; eight bytes are looked up as one number.
_WIDTH = 8


def halfvec_text(features: npt.ArrayLike) -> str:
    """Numbers of shape (dimensions,), times a power of two, as Postgres reads a halfvec.

    Raises FeaturesInvalid where they are not all finite, or all zero.
    """
    values = _checked(features)
    _, exponent = np.frexp(np.abs(values).max())
    scale = 2.0 ** min(_SCALE - int(exponent), 1023)
    halves = (values * scale).astype(np.float16)
    texts = _texts()[halves.view(np.uint16)].tobytes()
    # Without the blanks: Postgres would take longer to skip them than this does.
    return f"[{texts.translate(None, b' ')[:-1].decode()}]"


def _checked(features: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        given = np.asarray(features)
    except ValueError as error:
        raise _not_numbers(str(error)) from error
    if given.dtype.kind not in "biuf":
        raise _not_numbers(f"numpy reads them as {given.dtype}")
    values = given.astype(np.float64)
    if values.ndim != 1 or not len(values):
        raise FeaturesInvalid(
            f"found features of shape {values.shape}; expected one image's, (dimensions,)",
            value=values.shape,
        )
    if not np.isfinite(values).all():
        raise FeaturesInvalid(
            f"found {np.count_nonzero(~np.isfinite(values))} features that are not finite; "
            "expected numbers alone: encode the image again"
        )
    if not values.any():
        raise FeaturesInvalid(
            "found only zeros as features; expected a direction: nothing is near zeros"
        )
    return values


def _not_numbers(why: str) -> FeaturesInvalid:
    return FeaturesInvalid(
        f"found features that are no real numbers ({why}); expected an array of floats"
    )


@cache
def _texts() -> npt.NDArray[np.uint64]:
    """The text of each half by its bits, with a comma, padded to one width."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    texts = "".join(_text(half) + "," for half in halves.tolist())
    return np.frombuffer(texts.encode(), dtype=np.uint64)


def _text(half: float) -> str:
    # Five digits tell a half from the next one. Of what is below 1, four decimals are kept: the
    # largest feature is 16,384 at least, so the rest is of no weight.
    shown = f"{half:.5g}" if abs(half) >= 1 else f"{half:.4f}".rstrip("0").rstrip(".")
    return shown.rjust(_WIDTH - 1)
