"""What travels over HTTP: requests, which refuse unknown fields, answers, and problems."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, JsonValue, model_validator

from lookalike.client import DEFAULT_COLLECTION
from lookalike.duplicates import Duplicate
from lookalike.features import Neighbour
from lookalike.narrowing import Narrowing
from lookalike.queue import Enqueued

MAX_ID = 2**63 - 1  # Postgres's bigint


def _storable(value: JsonValue) -> JsonValue:
    """Refuse what Postgres's jsonb cannot hold: NUL, infinities and NaN."""
    match value:
        case str() if "\0" in value:
            raise ValueError("a text holds the character NUL, which cannot be stored")
        case float() if not math.isfinite(value):
            raise ValueError("a number is not finite")
        case list():
            for item in value:
                _storable(item)
        case dict():
            for key, item in value.items():
                _storable(key)
                _storable(item)
    return value


def _checked_metadata(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _storable(metadata)
    return metadata


def _comparable(features: list[float]) -> list[float]:
    if not any(features):
        raise ValueError("the features are all zero, which have no direction to compare")
    return features


Id = Annotated[int, Field(ge=1, le=MAX_ID)]
CollectionName = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$", examples=["default"])
]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_checked_metadata)]
FeatureList = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]],
    Field(min_length=1, max_length=16_000),
    AfterValidator(_comparable),
]
K = Annotated[int, Field(ge=1, le=10_000)]


class Payload(BaseModel):
    """A request's fields; one that is unknown is an error, so a slip of the pen is told."""

    model_config = ConfigDict(extra="forbid")


class AddImage(Payload):
    """An image by its reference."""

    reference: str = Field(examples=["https://images.example/shoe.jpg"])
    collection: CollectionName = DEFAULT_COLLECTION
    metadata: Metadata = Field(default_factory=dict)


class AddUpload(Payload):
    """The fields beside an uploaded `file`; the metadata is an object written as JSON."""

    collection: CollectionName = DEFAULT_COLLECTION
    metadata: Json[Metadata] = Field(default_factory=dict)


class Question(Payload):
    """How to search: how many neighbours, where, and among which images."""

    collection: CollectionName | None = None
    k: K = 10
    predicate: str | None = Field(default=None, examples=["$.price < 20"])
    threshold: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    exact: bool = False


class Search(Question):
    """What to search by: exactly one of a stored image, a reference and features."""

    image_id: Id | None = None
    reference: str | None = None
    features: FeatureList | None = None
    filter: Metadata | None = None

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


class Added(BaseModel):
    """What became of an image; `is_new` is false where it is embedded or on its way already."""

    image_id: int
    job_id: int | None
    is_new: bool

    @classmethod
    def of(cls, enqueued: Enqueued) -> Self:
        return cls(image_id=enqueued.image_id, job_id=enqueued.job_id, is_new=enqueued.is_new)


class Found(BaseModel):
    """The nearest images, nearest first, with their cosine distances.

    `n_missing` is how many fewer than k they are, where no more images match.
    """

    neighbours: list[Neighbour]
    n_missing: int


class SameImages(BaseModel):
    """Images that are the same, the surest first; without a calibration, identical ones alone."""

    duplicates: list[Duplicate]
    is_calibrated: bool


class Ready(BaseModel):
    """Postgres answers with the right schema; without workers, jobs wait."""

    ready: bool
    n_workers: int


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class Problem(BaseModel):
    """An error as RFC 9457 writes it; `title` is the error's name, `detail` says what to do."""

    type: str = Field(examples=["urn:lookalike:UnknownJob"])
    title: str = Field(examples=["UnknownJob"])
    status: int = Field(examples=[404])
    detail: str
    errors: list[FieldError] | None = None


class FieldError(BaseModel):
    """One field of a request that is not as expected."""

    field: str
    expected: str


Problem.model_rebuild()
