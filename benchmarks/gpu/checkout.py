"""Makes the worker's modules importable from a checkout in which nothing was installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[2] / "worker"))
