"""`python -m lookalike_api`: the API as the environment sets it."""

from __future__ import annotations

from lookalike.errors import Misconfigured
from lookalike.settings import Settings
from lookalike_api.app import serve

if __name__ == "__main__":
    try:
        serve(Settings.load())
    except Misconfigured as error:
        raise SystemExit(f"{error.reason}: {error}") from error
