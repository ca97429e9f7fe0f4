"""Rows in: features with the outcomes of their jobs, and what else is kept of an image.

halves        features as Postgres keeps them: half precision
binary_copy   rows in Postgres's binary COPY format
halfvec_text  features as the text that Postgres reads, fast
outcomes      what became of a batch, in one transaction
image_rows    rows of images without jobs
bulk          features that are there already, by the thousand
tags          the labels that a module's head gave an image
thumbnails    the small JPEGs that workers make
"""

from __future__ import annotations

from lookalike.store.outcomes import commit_outcomes, keep_reference, load_upload, register_space

__all__ = [
    "commit_outcomes",
    "keep_reference",
    "load_upload",
    "register_space",
]
