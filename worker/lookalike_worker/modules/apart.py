"""A call in an interpreter of its own, which takes its memory along when it ends.

`multiprocessing` would import the caller's main module again, and not every one bears it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from lookalike.environment import environment
from lookalike.errors import LookalikeError, WeightsMissing

# The caller may run Keras on JAX; modules are written by TensorFlow. Their reference
# features are computed on the CPU, and the GPU's memory belongs to the runtime.
_VARIABLES = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}

P = ParamSpec("P")
T = TypeVar("T")


def call_apart(
    folder: Path, function: Callable[P, T], *arguments: P.args, **options: P.kwargs
) -> T:
    """Call a function of this package in another process; gives its answer, or raises its error.

    `folder` holds the call and the answer on their way. Raises WeightsMissing
    where the process dies.
    """
    call, answer = folder / "call.pickle", folder / "answer.pickle"
    call.write_bytes(pickle.dumps((function, arguments, options)))
    done = subprocess.run(
        [sys.executable, "-m", "lookalike_worker.modules.apart", call, answer],
        env=environment() | _VARIABLES,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if not answer.is_file():
        raise WeightsMissing(
            f"the process that prepares the encoder ended with status {done.returncode}; expected "
            "it to run for about a minute with 6 GiB of memory: read what it printed above, and "
            "if that is nothing, see whether the machine ran out of memory",
            value=done.returncode,
        )
    given: T | LookalikeError = pickle.loads(answer.read_bytes())  # noqa: S301  written below
    if isinstance(given, LookalikeError):
        raise given
    return given


def _answer(call: Path, answer: Path) -> None:
    function, arguments, options = pickle.loads(call.read_bytes())  # noqa: S301  written above
    try:
        given = function(*arguments, **options)
    except LookalikeError as error:
        given = error
    unfinished = answer.with_name(f"{answer.name}.unfinished")
    unfinished.write_bytes(pickle.dumps(given))
    unfinished.replace(answer)


if __name__ == "__main__":
    _answer(Path(sys.argv[1]), Path(sys.argv[2]))
