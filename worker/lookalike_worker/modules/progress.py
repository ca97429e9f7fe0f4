"""A bar for a download, from its first byte on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from rich.console import Console

from lookalike.bars import progress_bar

_MB = 1_000_000


class DownloadBar:
    """Shows nothing until a download says how much there is; then megabytes."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._open = ExitStack()
        self._advance: Callable[[int], None] | None = None
        self._n_shown = 0

    def show(self, n_bytes: int, n_total: int) -> None:
        """Take the bytes that are there, of how many."""
        if not n_total:
            return
        if self._advance is None:
            bar = progress_bar("downloading", -(-n_total // _MB), "MB", self._out)
            self._advance = self._open.enter_context(bar)
        n_megabytes = n_bytes // _MB if n_bytes < n_total else -(-n_total // _MB)
        self._advance(n_megabytes - self._n_shown)
        self._n_shown = n_megabytes
        if n_bytes >= n_total:
            self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
