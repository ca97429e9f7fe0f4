"""Collections: how they stand, and what is asked for one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lookalike.collections import Asked, Collection
from lookalike.collections.spaces import ServedSpace
from lookalike_api.payloads.fields import MAX_ID, Payload


class Collections(BaseModel):
    """All collections, by name."""

    collections: list[Collection]


class Configuration(Payload):
    """What is asked for a collection; a field that is left out stays as it is."""

    paused: Literal["bulk", "all"] | None = None
    max_open: Annotated[int, Field(ge=0, le=MAX_ID)] | None = None

    def asked(self) -> Asked:
        """Those of the fields that were sent."""
        asked = Asked()
        if "paused" in self.model_fields_set:
            asked["paused"] = self.paused
        if "max_open" in self.model_fields_set:
            asked["max_open"] = self.max_open
        return asked


class Encoders(BaseModel):
    """The feature spaces, the oldest first."""

    encoders: list[ServedSpace]
