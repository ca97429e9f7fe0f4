"""Rows out: the nearest images, by the same SQL functions that psql users call.

narrowing   filters and thresholds, checked and written as Postgres reads them
nearest     the nearest to features or to a stored image
duplicates  images that are the same
"""

from __future__ import annotations

from lookalike.search.nearest import (
    QueryFeatures,
    check_collection,
    checked_k,
    explain_by_image,
    features_of_image,
    features_of_query,
    nearest_by_features,
    nearest_by_image,
)

__all__ = [
    "QueryFeatures",
    "check_collection",
    "checked_k",
    "explain_by_image",
    "features_of_image",
    "features_of_query",
    "nearest_by_features",
    "nearest_by_image",
]
