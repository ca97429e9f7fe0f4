"""`python -m lookalike_api`: the API as the environment sets it."""

from __future__ import annotations

import sys

from lookalike.errors import Misconfigured
from lookalike.settings import Settings
from lookalike_api.app import serve

if __name__ == "__main__":
    try:
        serve(Settings.load())
    except Misconfigured as error:
        sys.stderr.write(f"{error.reason}: {error}\n")
        # The supervisor of `lookalike up` starts nothing again that ends with 2.
        raise SystemExit(2) from error
