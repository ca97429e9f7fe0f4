"""The system's Chromium."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Its path; None where none is installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
