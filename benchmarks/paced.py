"""An encoder that takes its time and computes nothing: what remains is the queue's own cost."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

CALL_S = 0.005
IMAGE_S = 0.0003
BATCH_SIZE = 64
DIMENSIONS = 4032
INPUT_SIZE = 32

PACE = BATCH_SIZE / (CALL_S + BATCH_SIZE * IMAGE_S)
"""Images a second, by arithmetic; what a machine's sleep makes of it is measured in each run."""


class Paced:
    """5 ms a call and 0.3 ms an image, as an accelerator might take; peers use it as it is."""

    def __init__(self) -> None:
        self._features = np.random.default_rng(0).random((BATCH_SIZE, DIMENSIONS), np.float32)

    def encode(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Features of shape (n, 4032), the same for every batch."""
        time.sleep(CALL_S + len(batch) * IMAGE_S)
        return self._features[: len(batch)]
