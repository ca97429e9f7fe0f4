"""Fetching: references to bytes, in a way that lets nobody into the network behind the worker."""

from lookalike_worker.fetching.fetcher import Fetcher
from lookalike_worker.fetching.policy import FetchPolicy

__all__ = ["FetchPolicy", "Fetcher"]
