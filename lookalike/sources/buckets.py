"""Which buckets may be read: those that the operator has named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from lookalike.errors import InvalidSetting, ReferenceForbidden, ReferenceInvalid
from lookalike.stored_objects import ObjectPlace

# Stands in for a key below the entry, so that an entry is judged as references are.
_ANY = "x"


@dataclass(frozen=True, slots=True)
class AllowedBuckets:
    """Buckets, or what lies below some of their folders, each a place with a last part to spare.

    A worker's credentials often open more buckets than the images are in. Whoever may add an
    image could have any of them read, were it not for this list.
    """

    entries: tuple[ObjectPlace, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read entries `s3://bucket` or `s3://bucket/folder`; raises InvalidSetting."""
        return cls(tuple(map(_entry, texts)))

    def stores(self) -> set[str]:
        """The schemes of the stores that something is allowed in."""
        return {entry.store for entry in self.entries}

    def check(self, place: ObjectPlace) -> None:
        """Raise ReferenceForbidden for an object that is in none of them."""
        if not any(_holds(entry, place) for entry in self.entries):
            raise ReferenceForbidden(
                f"found an object of the bucket {place.store}://{place.bucket}; expected one that "
                "LOOKALIKE_BUCKETS names: add the bucket there, give a signed https:// URL, or "
                "upload the bytes",
                value=str(place),
            )


def _entry(text: str) -> ObjectPlace:
    try:
        return ObjectPlace.parse(f"{text.rstrip('/')}/{_ANY}")
    except ReferenceInvalid as error:
        raise InvalidSetting(
            f"LOOKALIKE_BUCKETS has the entry {text!r}; expected s3://bucket, gs://bucket or "
            "az://container, or a folder in one: s3://bucket/folder",
            value=text,
        ) from error


def _holds(entry: ObjectPlace, place: ObjectPlace) -> bool:
    is_bucket = (entry.store, entry.bucket) == (place.store, place.bucket)
    return is_bucket and place.key.startswith(entry.key.removesuffix(_ANY))
