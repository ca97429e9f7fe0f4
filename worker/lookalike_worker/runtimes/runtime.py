"""What computes a module's features: the protocol that every runtime keeps to."""

from __future__ import annotations

from typing import Protocol

from lookalike.features import Features
from lookalike_worker.encoder import Batch


class Runtime(Protocol):
    """Runs one loaded module on one device; one thread at a time."""

    @property
    def name(self) -> str:
        """A stable key, such as `openvino-bf16`: measured batch sizes are kept under it."""

    @property
    def description(self) -> str:
        """Library, version, precision and device, for people."""

    @property
    def has_fixed_shapes(self) -> bool:
        """Whether each batch size is compiled apart, so that `run` takes prepared sizes only."""

    def prepare(self, batch_size: int) -> None:
        """Compile for a batch size; raises EncoderExhausted where that does not fit."""

    def release(self, batch_size: int) -> None:
        """Give back what was compiled for a batch size."""

    def run(self, batch: Batch) -> Features:
        """Features of a batch of a prepared size: float32, shape (n, dimensions), in its order.

        Raises EncoderExhausted where memory runs out.
        """
