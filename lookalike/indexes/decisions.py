"""What an index needs, and when: plain decisions, without clock or database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lookalike.indexes.beginning import N_FITTED
from lookalike.indexes.recipes import LEAST_FOR_PCA, PCA_DIMENSIONS, Recipe
from lookalike.indexes.records import SearchIndex

RECALL_TARGET = 0.99
"""Where none was asked for: of ten searches for ten neighbours, one misses one."""

# Axes fitted on 2,000 images keep 0.92 of their share on others: above that it is no drift.
_LEAST_CAPTURED_RATIO = 0.9
_GROWTH = 4
# A key of four times the usual length; then the index is a quarter of the features' size.
_MOST_DIMENSIONS = 4 * PCA_DIMENSIONS

Step = Literal["build", "measure", "rest"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator wants of the indexes.

    `index_rows`: collections with so many images get one; 0: nothing is ever
    built. `recall_s`: how old a measured recall may be. `target`: where an
    index has none of its own.
    """

    index_rows: int
    recall_s: float
    target: float = RECALL_TARGET


@dataclass(frozen=True, slots=True)
class Case:
    """A collection: images with features, the index that serves, and whether one is half built."""

    n_rows: int
    serving: SearchIndex | None
    is_unfinished: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build; without dimensions, the recipe's usual."""

    recipe: Recipe
    dimensions: int | None = None


def first_step(case: Case, policy: Policy, now: datetime) -> Step:
    """What a collection needs before anybody has measured it."""
    may_build = policy.index_rows > 0
    if may_build and case.is_unfinished:
        return "build"
    if case.serving is None:
        return "build" if may_build and case.n_rows >= policy.index_rows else "rest"
    measured_at = case.serving.measured_at
    if measured_at is None or (now - measured_at).total_seconds() >= policy.recall_s:
        return "measure"
    return "rest"


def target_of(index: SearchIndex, policy: Policy) -> float:
    """The recall that an index has to have."""
    return policy.target if index.recall_target is None else index.recall_target


def is_outlived(index: SearchIndex, *, n_rows: int, captured_ratio: float) -> bool:
    """Whether an index whose recall sank should be fitted anew rather than searched harder.

    It should where the axes miss what the collection shows now, and where
    the few images that they were fitted on have become many.
    """
    # Of fewer images than that all were taken: so many there were.
    was_fitted_on_all = index.n_fitted < N_FITTED // 2
    has_grown = was_fitted_on_all and n_rows >= _GROWTH * index.n_fitted
    return captured_ratio < _LEAST_CAPTURED_RATIO or has_grown


def refit_of(index: SearchIndex, *, n_rows: int) -> Plan:
    """The same index fitted anew; signs become axes where there are enough images by now."""
    if index.recipe == "pca":
        # Fitted on a handful, it could not have as many as usual.
        return Plan("pca", max(index.dimensions, PCA_DIMENSIONS))
    return Plan("pca" if n_rows >= LEAST_FOR_PCA else "bits")


def wider_than(index: SearchIndex, *, n_rows: int) -> Plan | None:
    """What to build where no effort reaches the target; None where a wider key is no use."""
    if index.recipe == "bits":
        return Plan("pca", 2 * PCA_DIMENSIONS) if n_rows >= LEAST_FOR_PCA else None
    dimensions = 2 * index.dimensions
    if dimensions > min(_MOST_DIMENSIONS, index.n_features, n_rows - 1):
        return None
    return Plan("pca", dimensions)
