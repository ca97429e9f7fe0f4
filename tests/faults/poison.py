"""An encoder that dies of some pictures: they are told by their one colour."""

from __future__ import annotations

import os
from signal import SIGKILL

import numpy as np

from lookalike.features import Features
from lookalike_worker.encoder import Batch, FakeEncoder

Colour = tuple[int, int, int]

GREEDY: Colour = (0, 255, 255)
UNEMBEDDABLE: Colour = (0, 255, 0)
HUNGRY: Colour = (255, 255, 0)
KILLER: Colour = (255, 0, 255)


class PoisonableEncoder(FakeEncoder):
    """The fake encoder, but for pictures that kill the process or exhaust its memory."""

    def __init__(self, *, batch_size: int, image_s: float) -> None:
        super().__init__(dimensions=64, batch_size=batch_size, image_s=image_s)
        self._has_been_greedy = False

    def encode(self, batch: Batch) -> Features:
        if _has(batch, KILLER):
            # As the kernel does where memory runs out: without a word.
            os.kill(os.getpid(), SIGKILL)
        if _has(batch, HUNGRY):
            raise MemoryError
        if _has(batch, GREEDY) and not self._has_been_greedy:
            self._has_been_greedy = True
            raise MemoryError
        if _has(batch, UNEMBEDDABLE):
            raise ValueError("this colour cannot be embedded")
        return super().encode(batch)


def _has(batch: Batch, colour: Colour) -> bool:
    corners = batch[:, (0, -1), (0, -1), :] * 255
    return bool((np.abs(corners - np.array(colour)) < 1).all(axis=(1, 2)).any())
