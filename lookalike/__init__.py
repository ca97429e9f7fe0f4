"""Enqueue images, have them embedded by workers, find the nearest ones.

Importing this package is cheap: SQLAlchemy is loaded with the first client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError, Misconfigured, Rejected, Unavailable
from lookalike.features import FeatureSpace, Neighbour, Neighbours, Tag
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Job, JobStatus

if TYPE_CHECKING:
    from lookalike.client import AsyncLookalike, Lookalike
    from lookalike.sources.finding import images_in

__all__ = [
    "AsyncLookalike",
    "FeatureSpace",
    "ImageKey",
    "ImageRef",
    "Job",
    "JobStatus",
    "Lookalike",
    "LookalikeError",
    "Misconfigured",
    "Neighbour",
    "Neighbours",
    "Rejected",
    "Tag",
    "Unavailable",
    "images_in",
]


def __getattr__(name: str) -> object:
    if name == "Lookalike":
        from lookalike.client import Lookalike

        return Lookalike
    if name == "AsyncLookalike":
        from lookalike.client import AsyncLookalike

        return AsyncLookalike
    if name == "images_in":
        from lookalike.sources.finding import images_in

        return images_in
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
