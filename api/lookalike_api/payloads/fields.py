"""The kinds of fields that requests have, each refused before anything is stored."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

MAX_ID = 2**63 - 1  # Postgres's bigint
MAX_K = 10_000  # as the SQL functions have it


NO_NUL = r"^[^\x00]*$"


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
    str, Field(min_length=1, max_length=200, pattern=NO_NUL, examples=["shoes"])
]
Reference = Annotated[str, Field(examples=["https://images.example/shoe.jpg"])]
Reason = Annotated[
    str, Field(min_length=1, max_length=100, pattern="^[A-Za-z]+$", examples=["ImageNotFound"])
]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_checked_metadata)]
FeatureList = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]],
    Field(min_length=1, max_length=16_000),
    AfterValidator(_comparable),
]
K = Annotated[int, Field(ge=1, le=MAX_K)]
Offset = Annotated[int, Field(ge=0, lt=MAX_K)]


class Payload(BaseModel):
    """A request's fields; one that is unknown is an error, so a slip of the pen is told."""

    model_config = ConfigDict(extra="forbid")
