"""The endpoints, by what they are about; each is a thin step from a payload to the client."""

from __future__ import annotations

from lookalike_api.routes import (
    bulk,
    collections,
    duplicates,
    encoders,
    failures,
    images,
    jobs,
    maps,
    search,
    status,
    thumbnails,
    webhooks,
)
from lookalike_api.routes.context import Backend, Context
from lookalike_api.routes.status import NotReady

__all__ = ["Backend", "Context", "NotReady", "routers"]

# In this order they are tried for a path: what is asked most often stands first.
routers = tuple(
    part.router
    for part in (
        search,
        images,
        thumbnails,
        bulk,
        duplicates,
        jobs,
        collections,
        maps,
        failures,
        encoders,
        webhooks,
        status,
    )
)
