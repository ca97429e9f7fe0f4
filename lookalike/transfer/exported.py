"""What an export of a collection holds, whatever the kind of file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from lookalike.errors import ExportUnusable
from lookalike.features import FeatureSpace
from lookalike.store.halves import Halves

FORMAT = 1
"""Raised where a reader of the format before would misread a file."""


@dataclass(frozen=True, slots=True)
class Header:
    """Of which collection an export is, and in which feature space."""

    collection: str
    space: FeatureSpace

    def to_json(self) -> str:
        return json.dumps(
            {"format": FORMAT, "collection": self.collection, "space": asdict(self.space)}
        )

    @classmethod
    def from_json(cls, written: str | bytes) -> Header:
        """Raises ExportUnusable, also where the format is another version's."""
        try:
            found = json.loads(written)
            version = found["format"]
            if version == FORMAT:
                return cls(str(found["collection"]), _space(**found["space"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ExportUnusable(
                "the file says in no way that can be read of which collection it is: export again"
            ) from error
        raise ExportUnusable(
            f"found an export of the format {version!r}; this release reads {FORMAT}: export "
            "again, or install the release that wrote it",
            value=version,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Some images; `features` are float16 of shape (n, dimensions), metadata is JSON.

    `uploads` are the bytes of images that have no other place to get them again.
    """

    references: Sequence[str]
    metadata: Sequence[str]
    keys: Sequence[bytes | None]
    created_at: Sequence[datetime]
    features: Halves
    uploads: Sequence[bytes | None] | None = None


def _space(encoder: object, digest: object, dimensions: object, trained: object) -> FeatureSpace:
    if not isinstance(dimensions, int) or not 1 <= dimensions <= 16_000:
        raise ValueError(dimensions)
    return FeatureSpace(str(encoder), str(digest), dimensions, trained=bool(trained))
