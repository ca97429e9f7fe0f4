"""The variables of this process: the only file that reads or sets them."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """A copy of the process's environment, for composition roots to start processes with."""
    return dict(os.environ)


def set_variable(name: str, value: str, *, replace: bool = True) -> None:
    """Give a variable to libraries that can be told in no other way, and to child processes.

    Without `replace`, only where the operator has not set it.
    """
    if replace or name not in os.environ:
        os.environ[name] = value
