"""What loading a module with TensorFlow brought to light; knowing it needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.features import Features

# No other published module gives 4,032 features: a folder's name does not change what it is.
NASNET_LARGE_DIMENSIONS = 4032


@dataclass(frozen=True, slots=True)
class Findings:
    """What a module turned out to be.

    `golden` are its features of `golden_images(input_size)`, shape (8, dimensions).
    `is_served` says whether the signature `serving_default` has one input and
    one output and gives the same: runtimes without TensorFlow read that one.
    """

    digest: str
    dimensions: int
    input_size: int
    golden: Features
    is_served: bool
