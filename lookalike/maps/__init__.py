"""A collection as a map: images that look alike lie close together."""

from __future__ import annotations

from lookalike.maps.making import make_map, make_wanted
from lookalike.maps.records import CollectionMap, MapPoint, read_map, read_points, request_map

__all__ = [
    "CollectionMap",
    "MapPoint",
    "make_map",
    "make_wanted",
    "read_map",
    "read_points",
    "request_map",
]
