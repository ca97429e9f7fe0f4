"""An image's metadata as JSON that Postgres takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from lookalike.errors import MetadataInvalid

# An escaped NUL; not a backslash that is escaped itself, before the letters u0000.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def to_json(metadata: Mapping[str, object]) -> str:
    """The metadata as a JSON object.

    Raises MetadataInvalid for what JSON or Postgres's jsonb does not hold:
    other types, numbers that are not finite, NUL, and half of a surrogate pair.
    """
    try:
        written = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
        written.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MetadataInvalid(
            f"found metadata that is no JSON ({error}); expected an object of texts, finite "
            "numbers, lists and objects",
            value=metadata,
        ) from error
    if "u0000" in written and _NUL.search(written):
        raise MetadataInvalid(
            "found the character NUL in metadata; Postgres holds it in no text: take it out",
            value=metadata,
        )
    return written


def from_json(written: str) -> dict[str, object]:
    """The metadata that a text holds; raises MetadataInvalid where that is no JSON object."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise MetadataInvalid(
            f"found metadata that is no JSON ({error}); expected an object", value=written
        ) from error
    if not isinstance(found, dict):
        raise MetadataInvalid(
            f"found the metadata {written[:100]!r}; expected a JSON object", value=written
        )
    return found
