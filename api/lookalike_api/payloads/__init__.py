"""What travels over HTTP: requests, which refuse unknown fields, answers, and problems."""

from __future__ import annotations

from lookalike_api.payloads.fields import MAX_ID, CollectionName, Metadata, Payload
from lookalike_api.payloads.health import Alive, Ready
from lookalike_api.payloads.images import Added, AddImage, AddUpload
from lookalike_api.payloads.problem import FieldError, Problem
from lookalike_api.payloads.search import Found, SameImages, Search, SearchUpload, narrowing

__all__ = [
    "MAX_ID",
    "AddImage",
    "AddUpload",
    "Added",
    "Alive",
    "CollectionName",
    "FieldError",
    "Found",
    "Metadata",
    "Payload",
    "Problem",
    "Ready",
    "SameImages",
    "Search",
    "SearchUpload",
    "narrowing",
]
