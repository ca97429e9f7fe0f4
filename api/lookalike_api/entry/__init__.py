"""Who comes in, how often, and with what: each endpoint names whom it lets in."""

from __future__ import annotations

from lookalike_api.entry.answers import SAFE_HEADERS
from lookalike_api.entry.gate import ADMIN, READ, WRITE, check_openness, count_embedding
from lookalike_api.entry.heads import MAX_HEAD_BYTES, BoundedHeads
from lookalike_api.entry.installing import Entry
from lookalike_api.entry.once import ADMIN_ONCE, WRITE_ONCE

__all__ = [
    "ADMIN",
    "ADMIN_ONCE",
    "MAX_HEAD_BYTES",
    "READ",
    "SAFE_HEADERS",
    "WRITE",
    "WRITE_ONCE",
    "BoundedHeads",
    "Entry",
    "check_openness",
    "count_embedding",
]
