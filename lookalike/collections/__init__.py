"""Collections as their owners see them.

reading  what is in each, who embeds it, what is asked for it
pages    its images, page by page
spaces   the feature spaces, and which collections each serves
erasure  images and whole collections, erased with all that was made of them
"""

from __future__ import annotations

from lookalike.collections.reading import (
    Asked,
    Collection,
    configure,
    list_collections,
    read_collection,
)

__all__ = [
    "Asked",
    "Collection",
    "configure",
    "list_collections",
    "read_collection",
]
