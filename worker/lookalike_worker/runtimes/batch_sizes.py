"""The batch size of an encoder on a machine: found by measuring, and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from lookalike.errors import EncoderExhausted

# A larger batch has to be worth its latency and its memory: this much more images/s.
_LEAST_GAIN = 1.03

_SIZES = TypeAdapter(dict[str, int])

log = structlog.get_logger()


class BatchSizes:
    """Batch sizes that were found before, in one small file; a damaged file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> int | None:
        """The size kept under a key, or None."""
        return self._read().get(key)

    def keep(self, key: str, batch_size: int) -> None:
        """Keep a size; where the file cannot be written, it is measured again at the next start."""
        sizes = self._read() | {key: batch_size}
        unfinished = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(sizes, indent=1, sort_keys=True) + "\n")
            unfinished.rename(self._path)
        except OSError as error:
            log.warning("batch size not kept", path=str(self._path), error=str(error))

    def _read(self) -> dict[str, int]:
        try:
            return _SIZES.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}


def find_batch_size(
    candidates: Iterable[int],
    *,
    seconds: Callable[[int], float],
    fits: Callable[[], bool],
) -> int:
    """The smallest candidate beyond which a larger one no longer pays.

    `seconds(n)` runs a batch of n and tells its time; `fits()` tells after it
    whether memory is still within its limit. Candidates rise; the search ends
    at the first that does not fit, or after two in a row without a gain.
    Raises EncoderExhausted where not even the first fits.
    """
    best, best_rate, n_flat = 0, 0.0, 0
    for n in candidates:
        try:
            rate = n / seconds(n)
        except EncoderExhausted:
            if best == 0:
                raise
            break
        if best and not fits():
            break
        if rate >= best_rate * _LEAST_GAIN:
            best, best_rate, n_flat = n, rate, 0
        else:
            n_flat += 1
        if n_flat == 2:
            break
    return best
