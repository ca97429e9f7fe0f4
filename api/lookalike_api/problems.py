"""Errors as problem+json (RFC 9457): which status each has, and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from lookalike import errors
from lookalike.errors import LookalikeError
from lookalike_api.payloads import FieldError, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_CHALLENGE = 'Bearer realm="lookalike"'

# The first entry along an error's line of ancestors counts: a class, else its family.
_STATUS: Mapping[type, int] = {
    errors.Unauthenticated: 401,
    errors.OriginForbidden: 403,
    errors.ReferenceForbidden: 403,
    errors.ScopeMissing: 403,
    errors.ImageNotFound: 404,
    errors.UnknownCollection: 404,
    errors.UnknownImage: 404,
    errors.UnknownJob: 404,
    errors.UnknownMap: 404,
    errors.UnknownApiKey: 404,
    errors.UnknownWebhook: 404,
    errors.NotCalibrated: 409,
    errors.RequestUnderWay: 409,
    errors.WrongFeatureSpace: 409,
    errors.ImageTooLarge: 413,
    errors.ImageUnreadable: 422,
    errors.ImageNotEmbeddable: 422,
    errors.IdempotencyKeyReused: 422,
    errors.Rejected: 400,
    errors.BacklogFull: 429,
    errors.TooManyRequests: 429,
    errors.WaitedTooLong: 504,
    errors.Unavailable: 503,
    errors.LookalikeError: 500,
}


def problem_of(error: LookalikeError) -> Problem:
    """The problem that tells an error of lookalike's own."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    return Problem(
        type=f"urn:lookalike:{error.reason}", title=error.reason, status=status, detail=str(error)
    )


def headers_of(error: LookalikeError) -> dict[str, str]:
    """What an error's answer says to programs: when to come again, or which key it lacks."""
    match error:
        case errors.Unavailable():
            return {"Retry-After": str(max(1, math.ceil(error.retry_in_s)))}
        case errors.Unauthenticated():
            return {"WWW-Authenticate": _CHALLENGE}
        case errors.ScopeMissing():
            lacking = f'error="insufficient_scope", scope="{error.value}"'
            return {"WWW-Authenticate": f"{_CHALLENGE}, {lacking}"}
    return {}


def problem_of_status(status: int, detail: str) -> Problem:
    """The problem for an error that has no type of ours, such as a path that does not exist."""
    return Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail
    )


def problem_of_fields(invalid: Iterable[Mapping[str, Any]]) -> Problem:
    """The problem for fields that are not as expected, from pydantic's list of errors."""
    fields = [
        FieldError(field=".".join(map(str, error["loc"])), expected=error["msg"])
        for error in invalid
    ]
    detail = "; ".join(
        f"{error.field}: {error.expected}" if error.field else error.expected for error in fields
    )
    return Problem(
        type="urn:lookalike:InvalidRequest",
        title="InvalidRequest",
        status=422,
        detail=detail,
        errors=fields,
    )
