"""Which feature space an answer is of: its neighbours against NumPy's exact ones in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, text

from lookalike.database import transaction
from lookalike.features import Features, Neighbour

# Of cosine distances: features are halves, and both sides round their sums.
_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Truth:
    """A collection's features in one space: unit rows by the place of their image's id."""

    space: str
    image_ids: npt.NDArray[np.int64]
    unit: Features

    @classmethod
    def read(cls, engine: Engine, space: str) -> Truth:
        """All that is stored in the space now."""
        with transaction(engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT f.image_id, f.features::real[] FROM lookalike.features f
                    JOIN lookalike.feature_spaces s ON s.id = f.space_id
                    WHERE s.encoder || '@' || left(s.digest, 12) = :space ORDER BY f.image_id
                """),
                {"space": space},
            ).all()
        features = np.array([row[1] for row in rows], np.float32)
        return cls(space, np.array([row[0] for row in rows]), _unit(features))

    def features(self, image_id: int) -> Features:
        features: Features = self.unit[np.searchsorted(self.image_ids, image_id)]
        return features

    def gives(
        self, query: Features, found: Sequence[Neighbour], *, left_out: int | None = None
    ) -> bool:
        """Whether these are the nearest to a query here, each at its distance here."""
        if query.shape != self.unit.shape[1:]:
            return False
        distances = 1 - self.unit @ _unit(query)
        if left_out is not None:
            distances[np.searchsorted(self.image_ids, left_out)] = np.inf
        places = np.searchsorted(self.image_ids, [n.image_id for n in found])
        told = np.array([n.distance for n in found])
        nearest = np.partition(distances, len(found) - 1)[: len(found)]
        return bool(
            np.allclose(distances[places], told, rtol=0, atol=_TOLERANCE)
            and np.allclose(np.sort(nearest), told, rtol=0, atol=_TOLERANCE)
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search gave, and when it was asked and answered.

    Of a query with features, these are given by space; `image_id` is the
    stored image that was asked for. `only` is the one space that may answer.
    """

    asked: float
    answered: float
    neighbours: Sequence[Neighbour]
    image_id: int | None = None
    features: Mapping[str, Features] | None = None
    only: str | None = None

    def space(self, truths: Sequence[Truth]) -> str | None:
        """The space whose answer it is, wholly; None for none."""
        for truth in truths:
            if self.only not in (None, truth.space):
                continue
            if self.image_id is not None:
                query = truth.features(self.image_id)
            else:
                assert self.features is not None
                query = self.features[truth.space]
            if truth.gives(query, self.neighbours, left_out=self.image_id):
                return truth.space
        return None


def _unit(features: Features) -> Features:
    unit: Features = features / np.linalg.norm(features, axis=-1, keepdims=True)
    return unit
