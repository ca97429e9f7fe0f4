"""Searching: what is sent, and what is found; the same images among it."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, Json, model_validator

from lookalike.features import Neighbour
from lookalike.search.duplicates import Duplicate
from lookalike.search.narrowing import Narrowing
from lookalike_api.payloads.fields import (
    MAX_K,
    CollectionName,
    FeatureList,
    Id,
    K,
    Metadata,
    Offset,
    Payload,
    Reference,
)


class Question(Payload):
    """How to search: how many neighbours, where, and among which images."""

    collection: CollectionName | None = None
    k: K = 10
    offset: Offset = 0
    predicate: str | None = Field(default=None, examples=["$.price < 20"])
    threshold: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    exact: bool = False

    @model_validator(mode="after")
    def _is_not_too_far(self) -> Self:
        if self.offset + self.k > MAX_K:
            raise ValueError(f"offset and k are more than {MAX_K:,} together")
        return self


class Search(Question):
    """What to search by: exactly one of a stored image, a reference and features."""

    image_id: Id | None = None
    reference: Reference | None = None
    features: FeatureList | None = None
    filter: Metadata | None = None
    explain: bool = False

    @model_validator(mode="after")
    def _is_explained_by_id(self) -> Self:
        if self.explain and self.image_id is None:
            raise ValueError("a search is explained by image_id only")
        return self

    @model_validator(mode="after")
    def _has_one_query(self) -> Self:
        given = [self.image_id, self.reference, self.features]
        if sum(query is not None for query in given) != 1:
            raise ValueError("give exactly one of image_id, reference and features")
        return self


class SearchUpload(Question):
    """The fields beside an uploaded query `file`; the filter is an object written as JSON."""

    filter: Json[Metadata] | None = None


def narrowing(question: Search | SearchUpload) -> Narrowing:
    """What leaves images out, as the client takes it."""
    return {
        "filter": question.filter,
        "predicate": question.predicate,
        "threshold": question.threshold,
        "exact": question.exact,
    }


class Found(BaseModel):
    """The nearest images, nearest first, with their cosine distances.

    `n_missing` is how many fewer than k they are, where no more images match.
    `explanation` has the lines of what was asked to be explained, else null.
    """

    neighbours: list[Neighbour]
    n_missing: int
    explanation: list[str] | None = None


class SameImages(BaseModel):
    """Images that are the same, the surest first; without a calibration, identical ones alone."""

    duplicates: list[Duplicate]
    is_calibrated: bool
