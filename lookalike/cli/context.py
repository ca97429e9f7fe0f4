"""What every command needs: the settings, and somewhere to print."""

from __future__ import annotations

import signal
import threading

from rich.console import Console, RenderableType

from lookalike.client import Lookalike
from lookalike.local.stack import running_environment
from lookalike.settings import Settings, environment

out = Console(soft_wrap=True, highlight=False)


# Piped, a table's line is as long as it has to be.
_PIPED_WIDTH = 250


def show(page: RenderableType) -> None:
    """Print tables: folded into a terminal's width, in full elsewhere."""
    Console(highlight=False, width=None if out.is_terminal else _PIPED_WIDTH).print(page)


def settings(**overrides: object) -> Settings:
    """The environment's settings; a running `lookalike up` supplies the URLs not set there."""
    home = Settings.load().home
    found = Settings.load({**running_environment(home), **environment()})
    given = {name: value for name, value in overrides.items() if value is not None}
    return found.model_copy(update=given)


def client() -> Lookalike:
    """A client for the installation that the settings name."""
    return Lookalike(settings=settings())


def stopping() -> threading.Event:
    """An event that SIGTERM and SIGINT set.

    Also where a shell has started the process in the background, which makes
    it deaf to Ctrl-C by default.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
