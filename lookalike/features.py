"""Features and the space they live in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import LookalikeError, WrongFeatureSpace
from lookalike.pictures.gallery import MOST_SHOWN, gallery

Features = npt.NDArray[np.float32]
"""One image's features, shape (dimensions,), or a batch's, (n, dimensions); float32."""


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """What makes features comparable: the encoder, its weights, its preprocessing, its dimensions.

    `digest` is the SHA-256 (hexadecimal) over the weights' bytes, the
    preprocessing and the dimensions, so two workers share a space only if
    their features agree. Distances are cosine distances.
    """

    encoder: str
    digest: str
    dimensions: int
    trained: bool

    @property
    def name(self) -> str:
        """The public name, `encoder@first 12 digits of the digest`."""
        return f"{self.encoder}@{self.digest[:12]}"

    def check(self, features: Features) -> Features:
        """Give the features back as float32 of shape (…, dimensions).

        Raises WrongFeatureSpace if the last axis has another length.
        """
        array = np.asarray(features, dtype=np.float32)
        if array.ndim == 0 or array.shape[-1] != self.dimensions:
            raise WrongFeatureSpace(
                f"found features of shape {array.shape}; expected {self.dimensions} numbers "
                f"for the feature space {self.name}: encode the image with this encoder",
                value=array.shape,
            )
        return array

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of an image, with its probability from 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A search hit; `distance` is the cosine distance, 0 the same direction, at most 2."""

    image_id: int
    reference: str
    distance: float
    metadata: dict[str, object]


class Neighbours(list[Neighbour]):
    """Search hits, nearest first, with how many were asked for; a notebook shows their pictures."""

    thumbnails: Callable[[Sequence[int]], Mapping[int, bytes]] | None = None
    """Gives the JPEGs of images by their ids, where a client is there to ask."""

    def __init__(self, found: Iterable[Neighbour], *, k: int) -> None:
        super().__init__(found)
        self.k = k

    @property
    def n_missing(self) -> int:
        """How many fewer than were asked for: no more images match."""
        return max(0, self.k - len(self))

    def _repr_html_(self) -> str:
        """What a notebook shows; without the pictures where they cannot be had now."""
        ids = [hit.image_id for hit in self[:MOST_SHOWN]]
        try:
            found = self.thumbnails(ids) if self.thumbnails else {}
        except LookalikeError:
            found = {}
        return gallery(self, len(self), found)

    def __getstate__(self) -> dict[str, object]:
        """Pickled without the client."""
        return {"k": self.k}
