"""NASNet-A Large with seeded, calibrated, untrained weights: the full-size graph without its hub.

Its features say nothing about pictures; its cost, its shape and their signs are the real ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike_worker.quiet_keras import keras

INPUT_SIZE = 331

_SEED = 20170721
# In training mode all activations are held: 1.2 GiB an image.
_N_CALIBRATION_IMAGES = 2


def build_untrained_nasnet_large() -> Any:
    """Give the graph: pixels in [0, 1], (n, 331, 331, 3), to features (n, 4032), all >= 0."""
    keras.utils.set_random_seed(_SEED)
    model = nasnet_large_graph()
    _calibrate(model.layers[-1])
    return model


def nasnet_large_graph() -> Any:
    """Give the same graph with random weights, for weights to be put in."""
    shape = (INPUT_SIZE, INPUT_SIZE, 3)
    graph = keras.applications.NASNetLarge(
        weights=None, include_top=False, pooling="avg", input_shape=shape
    )
    images = keras.Input(shape)
    return keras.Model(images, graph(keras.layers.Rescaling(2.0, -1.0)(images)))


def _calibrate(graph: Any) -> None:
    """Set each batch normalisation's moving statistics to those of a few pictures.

    Left at 0 and 1, the activations of random weights vanish over the cells.
    """
    norms = [layer for layer in graph.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    graph(calibration_pictures() * 2.0 - 1.0, training=True)
    for norm in norms:
        norm.momentum = 0.9997


def calibration_pictures(size: int = INPUT_SIZE) -> Any:
    """Two seeded pictures in [0, 1]: coarse to fine noise added up, as in photographs."""
    generator = np.random.default_rng(_SEED)
    total = np.zeros((_N_CALIBRATION_IMAGES, size, size, 3), np.float32)
    for cells in (2, 5, 12, 31, 83, size):
        noise = generator.random((_N_CALIBRATION_IMAGES, cells, cells, 3), np.float32) - 0.5
        total += keras.ops.image.resize(noise, (size, size)) * cells**-0.5
    return np.clip(total + 0.5, 0.0, 1.0)
