"""What a runtime needs to know of a module that was verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lookalike.features import Features, FeatureSpace


@dataclass(frozen=True, slots=True)
class Module:
    """A SavedModel on this machine that maps images to feature vectors, and was seen doing so.

    `golden` are TensorFlow's features, in float32, of `golden_images(input_size)`,
    shape (n, dimensions): what every runtime is held against. `architecture`
    names the Keras graph the weights fit (`nasnet_large`,
    `efficientnet_lite0`), or is empty where it is not known. `note` is one
    plain line for people where this is not the encoder that was hoped for.
    """

    directory: Path
    space: FeatureSpace
    input_size: int
    golden: Features
    architecture: str = ""
    note: str = ""
