"""What travels over HTTP: requests, which refuse unknown fields, answers, and problems."""

from __future__ import annotations

from lookalike_api.payloads.bulk import BulkAnswer, BulkLine
from lookalike_api.payloads.collections import Collections, Configuration, Encoders
from lookalike_api.payloads.failures import Discarded, FailedSelection, Failures, Retried
from lookalike_api.payloads.fields import (
    MAX_ID,
    MAX_K,
    NO_NUL,
    CollectionName,
    Id,
    Metadata,
    Payload,
    Reason,
)
from lookalike_api.payloads.health import Alive, Ready
from lookalike_api.payloads.images import Added, AddImage, AddUpload
from lookalike_api.payloads.jobs import EndOfEvents, Event, Jobs
from lookalike_api.payloads.maps import MapPoints
from lookalike_api.payloads.problem import FieldError, Problem
from lookalike_api.payloads.search import Found, SameImages, Search, SearchUpload, narrowing
from lookalike_api.payloads.webhooks import AddWebhook, Deliveries, Tested, Webhooks

__all__ = [
    "MAX_ID",
    "MAX_K",
    "NO_NUL",
    "AddImage",
    "AddUpload",
    "AddWebhook",
    "Added",
    "Alive",
    "BulkAnswer",
    "BulkLine",
    "CollectionName",
    "Collections",
    "Configuration",
    "Deliveries",
    "Discarded",
    "Encoders",
    "EndOfEvents",
    "Event",
    "FailedSelection",
    "Failures",
    "FieldError",
    "Found",
    "Id",
    "Jobs",
    "MapPoints",
    "Metadata",
    "Payload",
    "Problem",
    "Ready",
    "Reason",
    "Retried",
    "SameImages",
    "Search",
    "SearchUpload",
    "Tested",
    "Webhooks",
    "narrowing",
]
