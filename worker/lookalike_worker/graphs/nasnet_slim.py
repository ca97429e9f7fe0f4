"""NASNet-A Large as TF-Slim builds it: the graph of the hub's module and of its checkpoint.

Keras's own graph has the same weights, but pools otherwise at the borders of its
four reductions: it pads with zeros, which then count, and slim leaves the outside
out. That is a cosine of 0.996 to 0.997 between their features.
"""

from __future__ import annotations

from typing import Any

from lookalike_worker.graphs.nasnet_large import nasnet_large_graph
from lookalike_worker.quiet_keras import keras

# What `Label.architecture` calls this graph.
ARCHITECTURE = "nasnet_large_slim"

_POOLS = tuple(f"reduction_{place}_" for place in ("left2", "left3", "right5"))


def nasnet_large_slim_graph() -> Any:
    """Give the graph with random weights: pixels in [0, 1], (n, 331, 331, 3), to (n, 4032)."""
    return pool_as_slim(nasnet_large_graph())


def pool_as_slim(model: Any) -> Any:
    """Change how a NASNet of `keras.applications` pools in its reductions, and give it back."""
    for layer in nasnet_layers(model):
        if layer.name.startswith("reduction_pad_1_"):
            layer.padding = ((0, 0), (0, 0))
        elif layer.name.startswith(_POOLS):
            layer.padding = "same"
    return model


def nasnet_layers(model: Any) -> list[Any]:
    """The layers of a NASNet, which may stand alone or behind the scaling of pixels."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return list(inner[0].layers if inner else model.layers)
