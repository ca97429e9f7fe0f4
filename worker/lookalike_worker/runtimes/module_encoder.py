"""The real Encoder: a verified module, run by a runtime in batches that fit."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import structlog

from lookalike.errors import EncoderExhausted
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.module import Module
from lookalike_worker.runtimes.batch_plan import plan_runs
from lookalike_worker.runtimes.batch_sizes import BatchSizes, find_batch_size
from lookalike_worker.runtimes.faithfulness import check_faithful
from lookalike_worker.runtimes.machine import resident_bytes
from lookalike_worker.runtimes.padding import run_padded
from lookalike_worker.runtimes.runtime import Runtime

_CANDIDATES = {False: (1, 2, 4, 8, 16, 32), True: (8, 16, 32, 64, 128, 256)}

# What a worker on a processor may hold while its batch size is looked for.
_MAX_RESIDENT_BYTES = int(2.75 * 2**30)

log = structlog.get_logger()


class ModuleEncoder:
    """Runs a module; `encode` may be called from one thread at a time, with any number of images.

    `batch_size` is what it does best at once. It halves when memory runs
    out, and is kept for the next start on the same machine.
    """

    def __init__(
        self,
        module: Module,
        runtime: Runtime,
        *,
        batch_sizes: BatchSizes,
        machine: str,
        batch_size: int = 0,
        on_gpu: bool = False,
    ) -> None:
        """Take a runtime that has loaded the module.

        `machine` names this one in `batch_sizes`; a `batch_size` of 0 means to
        take the one kept there, or else to find it in `warm_up`.
        """
        self.space = module.space
        self.input_size = module.input_size
        self.runtime = runtime.name
        self.reference = module.golden
        self.directory = module.directory
        self.batch_size = batch_size or 1
        self._module = module
        self._runtime = runtime
        self._sizes = batch_sizes
        self._key = f"{machine} | {module.space.digest[:12]} | {runtime.name}"
        self._is_given = batch_size > 0
        self._on_gpu = on_gpu
        self._seconds: dict[int, float] = {}

    @property
    def description(self) -> str:
        weights = "trained" if self.space.trained else "untrained"
        return (
            f"{self.space.encoder}, {weights} weights, {self.input_size}x{self.input_size} pixels "
            f"to {self.space.dimensions} features, {self._runtime.description}"
        )

    def warm_up(self) -> None:
        """Find the batch size if it is not known, prepare it, and compare the golden images.

        Raises RuntimeDisagrees where the runtime's features are not the
        module's, EncoderExhausted where a single image does not fit.
        """
        if not self._is_given:
            self.batch_size = self._sizes.get(self._key) or self._find_batch_size()
        self._settle()
        for size in self._seconds:
            check_faithful(self._runtime, self._module, batch_size=size)

    def encode(self, batch: Batch) -> Features:
        """Features of shape (n, dimensions), float32, in the order of the batch.

        Where memory runs out the batch size is halved for good and the rest
        tried again; EncoderExhausted is raised where one image does not fit.
        """
        if not self._seconds:
            self._settle()
        done: list[Features] = []
        while (start := sum(map(len, done))) < len(batch):
            size = self._next_size(len(batch) - start)
            try:
                done.append(run_padded(self._runtime, batch[start : start + size], size))
            except EncoderExhausted as error:
                self._halve(size, error)
                self._settle()
        return np.concatenate(done)

    def _next_size(self, n_left: int) -> int:
        if not self._runtime.has_fixed_shapes:
            return min(n_left, self.batch_size)
        return plan_runs(n_left, self._seconds)[0]

    def _find_batch_size(self) -> int:
        def seconds(n: int) -> float:
            self._runtime.prepare(n)
            taken = self._timed(n)
            self._runtime.release(n)
            log.info("batch size tried", n=n, images_per_s=round(n / taken, 2))
            return taken

        def fits() -> bool:
            return self._on_gpu or resident_bytes() <= _MAX_RESIDENT_BYTES

        found = find_batch_size(_CANDIDATES[self._on_gpu], seconds=seconds, fits=fits)
        self._sizes.keep(self._key, found)
        return found

    def _settle(self) -> None:
        """Prepare a single image and the batch size, and time both."""
        while True:
            try:
                wanted = {1, self.batch_size}
                for size in self._seconds.keys() - wanted:
                    self._runtime.release(size)
                for size in sorted(wanted, reverse=True):
                    self._runtime.prepare(size)
                self._seconds = {size: self._timed(size) for size in sorted(wanted)}
                return
            except EncoderExhausted as error:
                self._halve(self.batch_size, error)

    def _timed(self, size: int) -> float:
        """Seconds of a run; the first one also prepares, so the second counts."""
        blank = np.zeros((size, self.input_size, self.input_size, 3), np.float32)
        return min(_seconds(lambda: self._runtime.run(blank)) for _ in range(2))

    def _halve(self, failed: int, error: EncoderExhausted) -> None:
        if failed == 1:
            raise error
        self.batch_size = failed // 2
        log.warning("out of memory, batch size halved", batch_size=self.batch_size)
        self._sizes.keep(self._key, self.batch_size)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
