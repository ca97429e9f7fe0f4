"""The worker's end of one decoder process."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from signal import SIGALRM, SIGKILL, SIGPROF, Signals
from typing import IO

import numpy as np

from lookalike.environment import environment
from lookalike.errors import DecoderUnavailable, ImageTooLarge, ImageUnreadable, Rejected
from lookalike.pictures.formats import FORMAT_NAMES
from lookalike_worker.decoding.decoded import Decoded
from lookalike_worker.decoding.wire import Answer, Limits, Request, Verdict

# Pillow, NumPy and their codecs load in a third of a second, on a machine that has no time at all
# in more than a minute.
_START_S = 180
# For the kernel to end a process by its own timer before the worker does.
_GRACE_S = 5
# A shared file that a large picture went through gives its memory back.
_KEPT_BYTES = 4_000_000
# What is believed of an answer's lengths.
_MAX_ANSWER = 16_000_000
_MAX_MESSAGE = 2000
_HUNG = "killed, for it hung"
_JPEG = b"\xff\xd8"

# Nothing else: the worker's variables hold the passwords of its database and its queue.
_VARIABLES = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR")
_ENVIRONMENT = {
    # NumPy's threads for matrices would take address space and have nothing to do.
    "OPENBLAS_NUM_THREADS": "1",
    # glibc gives a picture's memory back to the kernel after each, and gets it page by page for
    # the next: half as much computing again for a photograph of 22 kB. So it keeps 64 MB.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class Lost(Exception):
    """The process came to its end with a picture in hand, or has no memory left for it.

    `verdict` is what to say of the picture, if it is to blame; None where it cannot be.
    """

    def __init__(self, how: str, verdict: Rejected | None) -> None:
        super().__init__(how)
        self.verdict = verdict


class DecoderProcess:
    """Starts at once and loads beside whatever the worker does; for one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        """Raises DecoderUnavailable."""
        self._limits = limits
        self._file = _file_in_memory()
        self._is_ready = False
        self.n_pictures = 0
        try:
            self._process = _start(self._file.fileno(), limits)
        except OSError as error:
            self._file.close()
            raise DecoderUnavailable(f"no decoder process can be started: {error}") from error
        assert self._process.stdin
        assert self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until it can decode; raises DecoderUnavailable."""
        if self._is_ready:
            return
        answer = self._answer(_START_S)
        if answer is None or answer.verdict is not Verdict.READY:
            how = self._end()
            raise DecoderUnavailable(
                f"found a decoder process that did not start ({how}); expected Pillow, pi-heif and "
                "NumPy to load: the lines before this one may tell why"
            )
        self._is_ready = True

    def decode(self, data: bytes, *, size: int, thumbnail_px: int = 0) -> Decoded:
        """As `picture.decode_image`; raises Lost where no other picture can follow this one."""
        self.wait_until_ready()
        os.pwrite(self._file.fileno(), data, 0)
        with suppress(BrokenPipeError):
            os.write(self._requests.fileno(), Request(len(data), size, thumbnail_px).to_wire())
            self.n_pictures += 1
        answer = self._answer(self._limits.wall_s + _GRACE_S)
        decoded = None if answer is None else self._decoded(answer, size)
        if answer is None or decoded is None:
            raise self._lost(answer)
        return decoded

    def close(self) -> None:
        """End the process, which must have no picture in hand."""
        self._end()

    def _answer(self, timeout_s: float) -> Answer | None:
        """What it says next; None where it has ended, is silent for too long, or talks nonsense."""
        if not self._poll.poll(timeout_s * 1000):
            return None
        try:
            return Answer.from_wire(os.read(self._answers.fileno(), Answer.LENGTH))
        except (ValueError, struct.error):
            return None

    def _decoded(self, answer: Answer, size: int) -> Decoded | None:
        """What an answer brings; None for one that says that no other can follow.

        A decoder that a picture has taken over can write what it likes:
        nothing is believed. Raises Rejected.
        """
        match answer.verdict:
            case Verdict.DECODED:
                return self._read(size, min(answer.n_bytes, _MAX_ANSWER))
            case Verdict.TOO_LARGE:
                raise ImageTooLarge(self._message(answer), value=answer.value)
            case Verdict.UNREADABLE:
                raise ImageUnreadable(self._message(answer))
            case _:
                return None

    def _read(self, size: int, n_thumbnail: int) -> Decoded | None:
        pixels, thumbnail = np.empty((size, size, 3), np.uint8), bytearray(n_thumbnail)
        n_read = os.preadv(self._file.fileno(), [pixels.data, thumbnail], 0)
        self._forget()
        if n_read < pixels.nbytes + n_thumbnail or not thumbnail.startswith(_JPEG[:n_thumbnail]):
            return None
        return Decoded(pixels, bytes(thumbnail) or None)

    def _message(self, answer: Answer) -> str:
        message = os.pread(self._file.fileno(), min(answer.n_bytes, _MAX_MESSAGE), 0)
        self._forget()
        return message.decode("utf-8", "replace")

    def _forget(self) -> None:
        if os.fstat(self._file.fileno()).st_size > _KEPT_BYTES:
            os.ftruncate(self._file.fileno(), 0)

    def _lost(self, answer: Answer | None) -> Lost:
        how = self._end()
        if answer is not None and answer.verdict is Verdict.OUT_OF_MEMORY:
            return Lost("out of memory", _too_greedy(self._limits))
        # By the kernel, where the machine has no memory left; or it got no time to compute in.
        is_blameless = how in (SIGKILL.name, SIGALRM.name, _HUNG)
        return Lost(how, None if is_blameless else _fatal(how, self._limits))

    def _end(self) -> str:
        """Have the process end, and tell how it did."""
        self._requests.close()
        try:
            status = self._process.wait(_GRACE_S)
            how = Signals(-status).name if status < 0 else f"exit status {status}"
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            how = _HUNG
        self._answers.close()
        self._file.close()
        return how


def _too_greedy(limits: Limits) -> ImageTooLarge:
    return ImageTooLarge(
        f"found a picture that takes more than the {limits.memory_bytes / 1e6:,.0f} MB of memory "
        "that its decoder may have: scale it down, or export it as a JPEG"
    )


def _fatal(how: str, limits: Limits) -> ImageUnreadable:
    what = f"ends the process that decodes it ({how})"
    if how == SIGPROF.name:
        what = f"takes more than {limits.cpu_s:g} s of computing to decode"
    return ImageUnreadable(
        f"found a picture that {what}; expected a sound {FORMAT_NAMES}: open it and export it again"
    )


def _file_in_memory() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("lookalike-picture"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _start(file: int, limits: Limits) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in environment().items() if name in _VARIABLES}
    # Whatever way the worker was found; an empty entry is the folder that it was started in.
    places = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    module = "lookalike_worker.decoding.child"
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(file), limits.to_wire()],
        env=kept | _ENVIRONMENT | {"PYTHONPATH": places},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        pass_fds=[file],
        # A terminal's Ctrl-C goes to the worker alone, also while this one still loads.
        process_group=0,
    )
