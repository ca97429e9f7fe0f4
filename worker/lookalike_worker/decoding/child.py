"""The decoder process: it imports Pillow and NumPy, and knows of no database and no secret.

`python -m lookalike_worker.decoding.child FILE LIMITS`; the worker starts it,
with the descriptor of the file that both hold. It ends with the worker: the
pipe of requests is then closed.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress

from lookalike.errors import ImageTooLarge, ImageUnreadable
from lookalike_worker.decoding.confinement import confine, silence, timed
from lookalike_worker.decoding.picture import decode_image, prepare_pillow
from lookalike_worker.decoding.wire import Answer, Limits, Request, Verdict

_REQUESTS = 0


def main(file: int, limits: Limits) -> None:
    """Answer requests until there are no more."""
    warnings.simplefilter("ignore")
    prepare_pillow()
    confine(limits)
    answers = silence()
    os.write(answers, Answer(Verdict.READY).to_wire())
    while wire := os.read(_REQUESTS, Request.LENGTH):
        with timed(limits):
            answer = _answer(file, Request.from_wire(wire), limits)
        os.write(answers, answer.to_wire())


def _answer(file: int, request: Request, limits: Limits) -> Answer:
    try:
        decoded = decode_image(
            os.pread(file, request.n_bytes, 0),
            size=request.size,
            max_pixels=limits.max_pixels,
            thumbnail_px=request.thumbnail_px,
        )
    except ImageTooLarge as error:
        n_pixels = error.value if isinstance(error.value, int) else 0
        return _refusal(file, Verdict.TOO_LARGE, str(error), n_pixels)
    except MemoryError:
        return Answer(Verdict.OUT_OF_MEMORY)
    except ImageUnreadable as error:
        return _refusal(file, Verdict.UNREADABLE, str(error))
    thumbnail = decoded.thumbnail or b""
    os.pwritev(file, [decoded.pixels.data, thumbnail], 0)
    return Answer(Verdict.DECODED, len(thumbnail))


def _refusal(file: int, verdict: Verdict, message: str, value: int = 0) -> Answer:
    written = message.encode("utf-8", "replace")[:2000]
    os.pwrite(file, written, 0)
    return Answer(verdict, len(written), value)


if __name__ == "__main__":
    # The worker is gone.
    with suppress(BrokenPipeError):
        main(int(sys.argv[1]), Limits.from_wire(sys.argv[2]))
    # At once: nothing here needs an orderly end, and a worker waits for it.
    os._exit(0)
