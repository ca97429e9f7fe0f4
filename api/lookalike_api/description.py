"""The OpenAPI document: what the framework knows of the endpoints, completed."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from lookalike_api import payloads
from lookalike_api.bodies import JSON, MULTIPART
from lookalike_api.examples import EXAMPLES, Example
from lookalike_api.expected import problems
from lookalike_api.problems import MEDIA_TYPE as PROBLEM

_TAGS = {
    "images": "Add images, list them, read how far each has come, erase them.",
    "duplicates": "Images that are the same.",
    "jobs": "How jobs stand, and waiting for their end.",
    "search": "The nearest images to another.",
    "collections": "Named sets of images that are searched together.",
    "maps": "Collections laid out in a plane.",
    "failures": "Jobs that failed for good.",
    "webhooks": "Who is told when jobs end.",
    "encoders": "Which encoders' features there are.",
    "status": "How things stand, for people and for supervisors.",
}
_ABOUT = """\
Enqueue images, have workers embed them, find the nearest. Every path stands under `/v1`, and
without it for short. Errors are problems (RFC 9457) that say what was found, what was expected,
and the next move.
"""
# What travels in bodies that are read by hand, and so are unknown to the framework.
_READ_BY_HAND = (
    payloads.AddImage,
    payloads.AddWebhook,
    payloads.BulkAnswer,
    payloads.BulkLine,
    payloads.Configuration,
    payloads.EndOfEvents,
    payloads.Event,
    payloads.FailedSelection,
    payloads.Problem,
    payloads.Search,
)
_EVERYWHERE = (500, 503)
_BEHIND_THE_GATE = (401, 403, 429)
# Answers whatever happens to others.
_ALONE = "healthz"


def describe(app: FastAPI) -> None:
    """Let the application give the completed document, also under /v1."""

    @cache
    def openapi() -> dict[str, Any]:
        document = get_openapi(
            title="lookalike",
            version=app.version,
            description=_ABOUT,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        )
        return _completed(document)

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/v1/openapi.json", include_in_schema=False)
    def _versioned() -> dict[str, Any]:
        return openapi()


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    _, more = models_json_schema(
        [(model, "validation") for model in _READ_BY_HAND],
        ref_template="#/components/schemas/{model}",
    )
    schemas = document["components"]["schemas"]
    schemas.update(more["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    return document


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    operation["summary"] = name.replace("_", " ").capitalize()
    responses = operation["responses"]
    if "422" in responses or "requestBody" in operation:
        responses |= _by_text(422)
    if "security" in operation:
        responses |= _by_text(*_BEHIND_THE_GATE)
    responses |= _by_text(*((500,) if name == _ALONE else _EVERYWHERE))
    operation["responses"] = dict(sorted(responses.items()))
    if name in EXAMPLES:
        _exemplify(operation, EXAMPLES[name])


def _exemplify(operation: dict[str, Any], example: Example) -> None:
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if status.startswith("2") and media_type != PROBLEM:
                content["example"] = example.answer
    bodies = operation.get("requestBody", {}).get("content", {})
    for media_type, content in bodies.items():
        if media_type != MULTIPART:
            content["example"] = example.request
    if MULTIPART in bodies and JSON in bodies:
        properties = bodies[MULTIPART]["schema"]["properties"]
        for name, value in example.form.items():
            properties[name]["example"] = value


def _by_text(*statuses: int) -> dict[str, Any]:
    return {str(status): response for status, response in problems(*statuses).items()}
