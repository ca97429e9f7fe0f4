"""What Postgres says against a question, in the words of the error tree."""

from __future__ import annotations

from sqlalchemy import exc

from lookalike.errors import (
    FilterInvalid,
    LookalikeError,
    NotCalibrated,
    Rejected,
    UnknownCollection,
    UnknownImage,
    WrongFeatureSpace,
)

# By SQLSTATE; what is longer counts first.
_KINDS: dict[str, type[LookalikeError]] = {
    "22000": WrongFeatureSpace,
    "22023": Rejected,  # an argument out of its range
    "42704": UnknownCollection,
    "55000": NotCalibrated,
    "P0002": UnknownImage,
    "42601": FilterInvalid,  # a jsonpath that cannot be parsed
    "54000": FilterInvalid,  # longer than a jsonb may be
    "54001": FilterInvalid,  # deeper nested than the server's stack
    # Texts, numbers, expressions and JSON that are not what they should be.
    "22": FilterInvalid,
}


def refusal(error: exc.DBAPIError, value: object) -> Exception:
    """The error of ours that a database's answer to a question means; itself where it is none."""
    code = getattr(error.orig, "pgcode", None) or ""
    kind = _KINDS.get(code) or _KINDS.get(code[:2])
    if kind is None:
        return error
    message = str(error.orig).partition("\nCONTEXT")[0]
    return kind(message.replace("\nHINT: ", ":").strip(), value=value)
