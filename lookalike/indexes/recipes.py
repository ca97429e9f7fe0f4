"""How a search key is made of features: pure arithmetic on a sample.

A key is small enough to be indexed, and nearness of keys is nearly nearness
of features: it need only put the true neighbours on a shortlist, whose order
is then computed from the features.

`pca`: the leading principal components of the features as unit vectors.
Keys are compared by their Euclidean distance, which for unit vectors grows
with the cosine distance. Learns axes, so it has to be fitted anew when what
the collection shows has drifted.

`bits`: the signs of the centred unit vectors, mixed by a Walsh-Hadamard
transform over blocks of them, and compared by Hamming distance. Learns the
mean alone, so a few hundred images are enough and nothing drifts. Features
are all 0 or more: without centring, their signs would tell nothing; without
mixing, they tell too little where few features matter (on EfficientNet's, a
shortlist of 100 then has a recall of 0.982 instead of 0.999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lookalike.features import Features

Recipe = Literal["pca", "bits"]

Wish = Literal["auto", "pca", "bits"]
"""What is asked for: a recipe, or the one that suits the collection."""

LEAST_FOR_PCA = 2000
"""Images on which axes are worth fitting. On EfficientNet's features of 19,440 real photographs,
axes fitted on 2,000 keep 0.92 of their share of the variance on images that they have not seen,
and a shortlist of 50 has a recall of 0.992; on 1,000 0.86 and 0.988, on 500 0.76 and 0.986. The
signs do not care: with a shortlist of 100, 0.999 on 200 images as on 2,000."""

PCA_DIMENSIONS = 96
"""Of a key, where nobody asks for more. With 64 the index is a seventh smaller, and the shortlist
has to be twice as long; 128 gain little (`python -m benchmarks.search`)."""

MOST_BITS = 2048
"""A longer key is folded by half: entry i becomes the difference of i and i + d/2."""

# More blocks mix better, and each doubling costs a round; 64 instead of 16 bring 0.001.
_MOST_BLOCKS = 16

# Halko, Martinsson & Tropp 2011, "Finding Structure with Randomness": some more directions than
# are wanted, and a few rounds, bring the leading ones out.
_OVERSAMPLED = 32
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Transform:
    """What makes keys of features in one index.

    `axes`: float32 of shape (n, d); `pca`: entry j of a key is the inner
    product of axis j and the unit vector, minus `origins[j]`; `bits`: the
    one axis is the mean. `captured` is the share of the sample's variance
    that the key keeps; 1 for `bits`, which keeps none and all of it.
    """

    recipe: Recipe
    axes: npt.NDArray[np.float32]
    origins: npt.NDArray[np.float32]
    captured: float
    n_fitted: int

    @property
    def dimensions(self) -> int:
        """Of a key: numbers, or bits."""
        n_axes, n_features = self.axes.shape
        return n_axes if self.recipe == "pca" else n_bits(n_features)


def n_bits(n_features: int) -> int:
    """Of a key of the recipe `bits`."""
    while n_features > MOST_BITS and n_features % 2 == 0:
        n_features //= 2
    return n_features


def n_blocks(n: int) -> int:
    """Into how many blocks n bits are cut before they are mixed: a power of two that divides n."""
    blocks = 1
    while blocks < _MOST_BLOCKS and n % (2 * blocks) == 0:
        blocks *= 2
    return blocks


def choose(wish: Wish, n_images: int) -> Recipe:
    """The recipe that is wished for; without a wish, the one that so many images are enough for."""
    if wish != "auto":
        return wish
    return "pca" if n_images >= LEAST_FOR_PCA else "bits"


def fit(recipe: Recipe, sample: Features, *, dimensions: int = PCA_DIMENSIONS) -> Transform:
    """Fit a recipe on some images' features, float32 of shape (n, d), n at least 2."""
    units = unit(sample)
    mean = units.mean(axis=0)
    if recipe == "bits":
        return Transform("bits", mean[None], np.zeros(1, np.float32), 1.0, len(sample))
    axes, captured = _principal(units - mean, min(dimensions, len(sample) - 1, sample.shape[1]))
    # In the middle of what a half can hold; a common factor changes no order.
    spread = float(np.sqrt(np.mean(np.square((units - mean) @ axes[0]))))
    scaled = axes / (spread or 1.0)
    return Transform("pca", scaled, scaled @ mean, captured, len(sample))


def captured_by(transform: Transform, sample: Features) -> float:
    """The share of another sample's variance that the axes keep; 1 for `bits`.

    Below what it was at the fit, the collection has drifted away from its axes.
    """
    if transform.recipe == "bits":
        return 1.0
    units = unit(sample)
    centred = units - units.mean(axis=0)
    axes = transform.axes / np.linalg.norm(transform.axes, axis=1, keepdims=True)
    total = float(np.square(centred).sum())
    return float(np.square(centred @ axes.T).sum()) / total if total else 1.0


def unit(features: Features) -> Features:
    """Each row divided by its length; a row of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, np.where(lengths == 0, 1, lengths), dtype=np.float32)


def _principal(centred: Features, n: int) -> tuple[npt.NDArray[np.float32], float]:
    """The leading n directions, orthonormal rows, and the share of the variance along them."""
    width = min(n + _OVERSAMPLED, *centred.shape)
    start = np.random.default_rng(0).standard_normal((centred.shape[1], width), np.float32)
    basis = np.linalg.qr(start)[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    values, within = np.linalg.eigh(np.cov((centred @ basis).T, bias=True).reshape(width, width))
    axes = (basis @ within[:, ::-1][:, :n]).T.astype(np.float32)
    total = float(np.square(centred).sum()) / len(centred)
    return axes, float(values[::-1][:n].sum()) / total if total else 1.0
