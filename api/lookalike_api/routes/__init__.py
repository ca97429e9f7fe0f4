"""The endpoints, by what they are about; each is a thin step from a payload to the client."""

from __future__ import annotations

from fastapi import APIRouter

from lookalike_api.payloads import Problem
from lookalike_api.problems import MEDIA_TYPE
from lookalike_api.routes import (
    bulk,
    collections,
    duplicates,
    encoders,
    failures,
    images,
    jobs,
    search,
    status,
)
from lookalike_api.routes.context import Backend, Context
from lookalike_api.routes.status import NotReady

__all__ = ["Backend", "Context", "NotReady", "router"]

_PROBLEM = {
    "description": "A problem, as RFC 9457 writes it",
    "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
}
router = APIRouter(responses={"4XX": _PROBLEM, "5XX": _PROBLEM})
for part in (images, bulk, duplicates, jobs, search, collections, failures, encoders, status):
    router.include_router(part.router)
