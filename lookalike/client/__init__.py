"""The client that web apps and scripts use: add images, wait, search.

inputs        what callers give as an image
adding        one transaction's worth of images on its way in
backlog       many images into a backlog that may be full
asking        the nearest to a picture, to a stored image or to features
catalogue     what there is: collections, their images, feature spaces
operator      what an operator does to a running installation
synchronous   `Lookalike`
asynchronous  `AsyncLookalike`: the same words, awaited
"""

from __future__ import annotations

from lookalike.client.asynchronous import AsyncLookalike
from lookalike.client.synchronous import DEFAULT_COLLECTION, Lookalike

__all__ = [
    "DEFAULT_COLLECTION",
    "AsyncLookalike",
    "Lookalike",
]
