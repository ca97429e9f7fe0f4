"""The web page at `/`: files of this package, and the addresses that serve them.

`site` is what a browser gets, as it stands there: no build makes it.
"""

from __future__ import annotations

from lookalike_api.page.serving import router

__all__ = ["router"]
