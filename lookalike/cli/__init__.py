"""The command line: `lookalike …`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from lookalike.errors import LookalikeError, Misconfigured, Rejected

__all__ = ["main", "run"]


def main() -> None:
    """Run a command of `lookalike`."""
    from lookalike.cli.commands import app

    run(app)


def run(app: Callable[[], object]) -> None:
    """Run a command line; an expected error is one message and exit status 1, 2 or 3.

    1: the request was rejected; 2: something must be configured; 3: try later.
    """
    try:
        app()
    except LookalikeError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]{error.reason}[/]: {escape(str(error))}", highlight=False
        )
        sys.exit(1 if isinstance(error, Rejected) else 2 if isinstance(error, Misconfigured) else 3)
