"""Search indexes: a small key of each image's features, and pgvector's HNSW over the keys.

recipes     how a key is made of features; pure
sampling    rows of a collection, in binary
records     the rows of `search_indexes`
objects     what stands in the database for one index: keys, functions
building    from nothing to a serving index, beside running searches and writers
removing    and away with it
effort      how much a search looks at, and what recall that gives
"""

from __future__ import annotations

from lookalike.indexes.building import BuildStep, build_index
from lookalike.indexes.effort import (
    EFFORTS,
    Effort,
    Measured,
    RecallReport,
    measure_recall,
    tune,
)
from lookalike.indexes.recipes import Recipe
from lookalike.indexes.records import SearchIndex, read_indexes, serving_index
from lookalike.indexes.removing import drop_indexes

__all__ = [
    "EFFORTS",
    "BuildStep",
    "Effort",
    "Measured",
    "RecallReport",
    "Recipe",
    "SearchIndex",
    "build_index",
    "drop_indexes",
    "measure_recall",
    "read_indexes",
    "serving_index",
    "tune",
]
