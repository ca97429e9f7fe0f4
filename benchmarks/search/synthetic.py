"""Features like those of NASNet-A Large, 4,032 a row: seeded, and made in portions.

NASNet's features are averages of a ReLU over 11 x 11 positions, so all are at
least 0, and most of a row is what all rows have in common. Here a row shows an
object of one of many classes: a point with a falling spectrum, carried to 4,032
dimensions, through the average of a ReLU, times what an average over so few
positions leaves to chance. One row in six is a near-duplicate of its
predecessor, as an edited copy of a photograph is. They are not NASNet's
features, and stand in for them where no trained weights can be had; spectrum
and distances are about those of EfficientNet-Lite0's features of photographs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.search.rows import Rows
from lookalike.features import Features

DIMENSIONS = 4032

_PORTION = 2000
_LATENT = 512
_ROWS_A_CLASS = 100
_ROWS_AN_OBJECT = 12
_DUPLICATE_EVERY = 6
# Deviations within a class and between an object's views, over that between classes.
_OBJECT = 0.7
_VIEW = 0.4
# Neighbouring positions agree, so 121 of them tell about as much as 30 would alone.
_NOISE = 0.15
_NOISE_OF_COPY = 0.03


@dataclass(frozen=True, slots=True)
class _World:
    """What all portions share: where objects lie, and how a point becomes features."""

    objects: npt.NDArray[np.float32]
    spectrum: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    @classmethod
    def create(cls, n_rows: int, seed: int) -> _World:
        random = np.random.default_rng([seed, 0])
        spectrum = (np.arange(1, _LATENT + 1) ** -0.35).astype(np.float32)
        n_classes = max(8, n_rows // _ROWS_A_CLASS)
        classes = random.standard_normal((n_classes, _LATENT), np.float32)
        # Squared: the largest class has hundreds of times the objects of the smallest.
        of = (n_classes * random.random(max(8, n_rows // _ROWS_AN_OBJECT)) ** 2).astype(np.int64)
        objects = classes[of] + np.float32(_OBJECT) * random.standard_normal(
            (len(of), _LATENT), np.float32
        )
        return cls(
            objects=objects * spectrum,
            spectrum=spectrum,
            weights=random.standard_normal((_LATENT, DIMENSIONS), np.float32)
            / np.float32(np.sqrt(np.square(spectrum).sum())),
            bias=random.standard_normal(DIMENSIONS, np.float32) - np.float32(0.5),
        )

    def rows(self, n: int, random: np.random.Generator) -> Features:
        """n rows, every sixth a near-duplicate of the row before it."""
        shown = self.objects[random.integers(len(self.objects), size=n)]
        views = random.standard_normal((n, _LATENT), np.float32) * self.spectrum
        # Some views are far from the object's others, some hardly differ.
        views *= np.float32(_VIEW) * random.gamma(2, 0.5, (n, 1)).astype(np.float32)
        features = _average_of_relu((shown + views) @ self.weights + self.bias)
        features *= 1 + np.float32(_NOISE) * random.standard_normal(features.shape, np.float32)
        copies = np.arange(_DUPLICATE_EVERY, n, _DUPLICATE_EVERY)
        features[copies] = near_duplicates(features[copies - 1], random)
        return np.maximum(features, 0, out=features)


def near_duplicates(rows: Features, random: np.random.Generator) -> Features:
    """The rows as edited copies of their images would have them."""
    noise = random.standard_normal(rows.shape, np.float32)
    return np.maximum(rows * (1 + np.float32(_NOISE_OF_COPY) * noise), 0)


def made_rows(n: int, *, seed: int = 0) -> Iterator[tuple[int, Features]]:
    """n rows, some at a time, each with the number of its first; the same for the same seed."""
    world = _World.create(n, seed)
    for start in range(0, n, _PORTION):
        size = min(_PORTION, n - start)
        yield start, world.rows(size, np.random.default_rng([seed, 1, start]))


def write_rows(out: Rows | Features, *, seed: int = 0) -> None:
    """Fill an array of shape (n, 4032), such as a memory map, with `made_rows`."""
    for start, part in made_rows(len(out), seed=seed):
        out[start : start + len(part)] = part


def fresh_rows(n: int, *, of: int, seed: int = 0) -> Features:
    """n rows of the same clusters as `of` rows with this seed, none of which is among them."""
    return _World.create(of, seed).rows(n, np.random.default_rng([seed, 2]))


def _average_of_relu(x: Features) -> Features:
    """About the mean of max(0, x + noise of deviation 1), in closed form."""
    # Softplus with this slope is within 0.03 of it, and costs no error function.
    slope = np.float32(1.6)
    average: Features = np.logaddexp(0, slope * x, dtype=np.float32) / slope
    return average
