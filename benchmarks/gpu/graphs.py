"""The graphs that can be measured, by the names of their encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ENCODERS = ("nasnet_large", "efficientnet_lite0")


def builder(encoder: str) -> Callable[[], Any]:
    """What builds an encoder's graph with Keras, which is imported here."""
    if encoder == "nasnet_large":
        from lookalike_worker.graphs.nasnet_large import nasnet_large_graph

        return nasnet_large_graph
    from lookalike_worker.graphs.efficientnet_lite0 import efficientnet_lite0_graph

    return efficientnet_lite0_graph
