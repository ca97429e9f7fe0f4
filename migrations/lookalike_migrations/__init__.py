"""The database's history: one file a version, and the function that walks it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

__all__ = ["migrate"]


def migrate(database_url: str, *, revision: str = "head") -> None:
    """Bring a database to a version, by default the newest; doing it again changes nothing.

    Two processes at once wait for each other. Raises sqlalchemy's errors.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)
