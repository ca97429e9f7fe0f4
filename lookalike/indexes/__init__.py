"""Search indexes: a small key of each image's features, and pgvector's HNSW over the keys.

recipes     how a key is made of features; pure
sampling    rows of a collection, in binary
records     the rows of `search_indexes`
objects     what stands in the database for one index: keys, functions
beginning   a fitted transform, and an empty table of keys
building    from there to a serving index, beside running searches and writers
creating    the statement that takes long, and its progress
removing    and away with it
effort      how much a search looks at, and what recall that gives
condition   sizes, the progress of a build, drift
quality     recall and latency, beside those of an exact search
plots       the same as a picture
decisions   what an index needs, and when; pure
upkeep      sees to the indexes of all collections
alone       one process at a time for these
operations  `Lookalike().indexes`
"""

from __future__ import annotations

from lookalike.indexes.building import build_index
from lookalike.indexes.condition import IndexCondition, read_conditions
from lookalike.indexes.creating import BuildStep, Watch
from lookalike.indexes.decisions import RECALL_TARGET, Policy
from lookalike.indexes.effort import (
    EFFORTS,
    Effort,
    Measured,
    RecallReport,
    measure_recall,
    tune,
)
from lookalike.indexes.operations import Indexes
from lookalike.indexes.quality import Latency, SearchQuality, measure_quality
from lookalike.indexes.recipes import Recipe, Wish
from lookalike.indexes.records import SearchIndex, read_indexes, serving_index
from lookalike.indexes.removing import drop_indexes
from lookalike.indexes.upkeep import Care, upkeep

__all__ = [
    "EFFORTS",
    "RECALL_TARGET",
    "BuildStep",
    "Care",
    "Effort",
    "IndexCondition",
    "Indexes",
    "Latency",
    "Measured",
    "Policy",
    "RecallReport",
    "Recipe",
    "SearchIndex",
    "SearchQuality",
    "Watch",
    "Wish",
    "build_index",
    "drop_indexes",
    "measure_quality",
    "measure_recall",
    "read_conditions",
    "read_indexes",
    "serving_index",
    "tune",
    "upkeep",
]
