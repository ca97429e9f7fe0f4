"""What every command needs: the settings, and somewhere to print."""

from __future__ import annotations

from rich.console import Console

from lookalike.client import Lookalike
from lookalike.local.stack import running_environment
from lookalike.settings import Settings, environment

out = Console(soft_wrap=True, highlight=False)


def settings(**overrides: object) -> Settings:
    """The environment's settings; a running `lookalike up` supplies the URLs not set there."""
    home = Settings.load().home
    found = Settings.load({**running_environment(home), **environment()})
    given = {name: value for name, value in overrides.items() if value is not None}
    return found.model_copy(update=given)


def client() -> Lookalike:
    """A client for the installation that the settings name."""
    return Lookalike(settings=settings())
