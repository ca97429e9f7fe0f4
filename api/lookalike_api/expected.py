"""The problems that an endpoint answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from lookalike_api.bodies import reference_to
from lookalike_api.payloads import Problem
from lookalike_api.problems import MEDIA_TYPE

# The name and the words of one problem of each status, and what else may stand there.
_PROBLEMS: dict[int, tuple[str, str, str]] = {
    400: (
        "The request's values cannot be used",
        "FilterInvalid",
        "found the predicate '$.price <'; expected a jsonpath: '$.price < 20'",
    ),
    401: (
        "There is no good API key",
        "Unauthenticated",
        (
            "the request has no API key; expected the header `Authorization: Bearer lk_…`: the "
            "operator makes one with `lookalike key create NAME --scope read`"
        ),
    ),
    403: (
        "The API key lacks the scope, or the reference or the page that asks is not let in",
        "ReferenceForbidden",
        (
            "found the file reference 'file:///etc/passwd'; expected a file inside one of the "
            "folders of LOOKALIKE_FILE_ROOTS: upload the image, give an http(s) URL, or allow its "
            "folder"
        ),
    ),
    404: (
        "It does not exist",
        "UnknownCollection",
        "no collection is named 'shoes'; the collections are hats: add an image to make one",
    ),
    409: (
        "It does not fit how things stand",
        "WrongFeatureSpace",
        "found 3 features; expected 4032 for the feature space nasnet_large@0123456789ab",
    ),
    413: (
        "The body is too large",
        "ImageTooLarge",
        (
            "the upload is too large; expected at most 20,000,000 bytes: make the image smaller, "
            "or raise LOOKALIKE_MAX_BYTES"
        ),
    ),
    415: (
        "The body has another content type",
        "Unsupported Media Type",
        "found the content type 'text/plain'; expected application/json",
    ),
    422: (
        "Fields are not as expected, or the picture cannot be used",
        "InvalidRequest",
        "body.k: Input should be less than or equal to 10000",
    ),
    429: (
        "More requests or open jobs than the operator allows; `Retry-After` says when to try again",
        "BacklogFull",
        (
            "found 1,000 open jobs in all, and 1 more to enqueue; expected at most 1,000: enqueue "
            "fewer at a time, try again later, or raise the limit with `lookalike limit`"
        ),
    ),
    500: (
        "The operator has to act; the log of the API has the rest",
        "Internal Server Error",
        "an unexpected error; the log of the API has it",
    ),
    503: (
        "Time has to act; `Retry-After` says when to come again",
        "StoreUnavailable",
        (
            "Postgres cannot be reached (connection refused): is LOOKALIKE_DATABASE_URL right and "
            "the server up?"
        ),
    ),
    504: (
        "No worker answered in time",
        "WaitedTooLong",
        "1 of 1 jobs are still open after 30 s: `lookalike status` tells whether a worker runs",
    ),
}
_WITHOUT_TYPE = ("Internal Server Error", "Unsupported Media Type")
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds until the same request may succeed",
        "schema": {"type": "integer", "minimum": 1},
    }
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """The descriptions of problems with these statuses, as the framework takes them."""
    return {status: _described(status) for status in statuses}


def _described(status: int) -> dict[str, Any]:
    description, title, detail = _PROBLEMS[status]
    example: dict[str, Any] = {
        "type": "about:blank" if title in _WITHOUT_TYPE else f"urn:lookalike:{title}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if title == "InvalidRequest":
        field, expected = detail.split(": ", 1)
        example["errors"] = [{"field": field, "expected": expected}]
    content = {MEDIA_TYPE: {"schema": reference_to(Problem), "example": example}}
    headers = {"headers": _RETRY_AFTER} if status in (429, 503, 504) else {}
    return {"description": description, "content": content, **headers}
