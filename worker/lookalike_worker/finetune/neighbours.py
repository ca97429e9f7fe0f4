"""How good features are for search: is a picture's nearest neighbour of its own class?"""

from __future__ import annotations

import numpy as np

from lookalike.features import Features
from lookalike_worker.finetune.head import Examples

_ROWS = 256


def nearest_neighbour_accuracy(queries: Examples, stored: Examples) -> float:
    """The share of queries whose nearest stored picture, by cosine, has the same class."""
    directions = _directions(stored.features)
    n_right = 0
    for start in range(0, len(queries.classes), _ROWS):
        rows = slice(start, start + _ROWS)
        nearest = (_directions(queries.features[rows]) @ directions.T).argmax(1)
        n_right += int((stored.classes[nearest] == queries.classes[rows]).sum())
    return n_right / len(queries.classes)


def _directions(features: Features) -> Features:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions: Features = features / np.maximum(lengths, 1e-12)
    return directions
