"""What hostile questions are asked of, and what they share."""

from __future__ import annotations

from lookalike.features import FeatureSpace
from tests.integration.installation import random_features

SPACE = FeatureSpace("small", "ab" * 32, 8, trained=False)
FOREIGN = FeatureSpace("foreign", "cd" * 32, 8, trained=False)
FEATURES = random_features(120, dimensions=8)  # an index is fitted on 100
N = len(FEATURES)
NAN, INF = float("nan"), float("inf")
INJECTION = "'; DROP TABLE lookalike.images; --"
