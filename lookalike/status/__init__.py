"""How things stand: what waits, what is done and how fast, and who does it.

summary  all of it at one moment
metrics  the same for Prometheus
story    how far one image came
"""

from __future__ import annotations

from lookalike.status.summary import CollectionProgress, Status, read_status

__all__ = [
    "CollectionProgress",
    "Status",
    "read_status",
]
