"""Decoder processes, as many as are asked for; a picture that ends one costs itself alone."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Self

import structlog

from lookalike.errors import DecoderUnavailable, Rejected
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.decoding.process import DecoderProcess, Lost
from lookalike_worker.decoding.wire import Limits

# Whatever a codec leaks, or a picture has quietly damaged, goes with its process.
_PICTURES_EACH = 10_000

log = structlog.get_logger()


class DecoderPool:
    """Decodes for many threads at a time; a process that is lost is replaced."""

    def __init__(self, limits: Limits, *, n_processes: int) -> None:
        self._limits = limits
        self._n_processes = n_processes
        self._free = threading.Semaphore(n_processes)
        self._idle: deque[DecoderProcess] = deque()
        self._is_closed = False
        self.n_lost = 0

    def start(self, n: int | None = None) -> None:
        """Start `n` processes, by default all, and do not wait for them.

        The others start when they are first needed. Raises DecoderUnavailable.
        """
        for _ in range(self._n_processes if n is None else n):
            self._idle.append(DecoderProcess(self._limits))

    def wait_until_ready(self) -> None:
        """Wait for what `start` has started; raises DecoderUnavailable."""
        for process in list(self._idle):
            process.wait_until_ready()

    def decode(self, data: bytes, *, size: int, thumbnail_px: int = 0) -> Decoded:
        """As `picture.decode_image`, with a verdict on pictures that crash, hang or exhaust it too.

        A process can be lost to what an earlier picture did to it, or to the
        machine's want of memory. So a picture is refused only where it was
        the first of its process; else it gets a fresh one. Raises
        DecoderUnavailable where that is lost too, to no fault of the picture.
        """
        with self._free:
            try:
                return self._decode_by(self._idle_process(), data, size, thumbnail_px)
            except _Doubtful:
                pass
            try:
                return self._decode_by(DecoderProcess(self._limits), data, size, thumbnail_px)
            except _Doubtful as error:
                raise DecoderUnavailable(
                    "found two decoder processes that were killed, or got no time to compute in; "
                    "expected the machine to have memory and cores for them"
                ) from error

    def close(self) -> None:
        """End the processes; one that still has a picture in hand ends after it."""
        self._is_closed = True
        while process := self._idle_one():
            process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """Of the processes that are idle."""
        return [process.pid for process in self._idle]

    def _idle_process(self) -> DecoderProcess:
        return self._idle_one() or DecoderProcess(self._limits)

    def _idle_one(self) -> DecoderProcess | None:
        # The last one first: its memory is warm, and the others may sleep.
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _decode_by(
        self, process: DecoderProcess, data: bytes, size: int, thumbnail_px: int
    ) -> Decoded:
        try:
            decoded = process.decode(data, size=size, thumbnail_px=thumbnail_px)
        except Rejected:
            self._put_back(process)
            raise
        except Lost as lost:
            self.n_lost += 1
            log.warning("decoder lost", how=str(lost), n_pictures=process.n_pictures)
            if process.n_pictures == 1 and lost.verdict is not None:
                raise lost.verdict from lost
            raise _Doubtful from lost
        self._put_back(process)
        return decoded

    def _put_back(self, process: DecoderProcess) -> None:
        if self._is_closed or process.n_pictures >= _PICTURES_EACH:
            process.close()
        else:
            self._idle.append(process)


class _Doubtful(Exception):
    """A process was lost, and perhaps not to the picture that it had in hand."""
