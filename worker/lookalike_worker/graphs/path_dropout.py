"""Path dropout: while NASNet-A is trained, whole branches of its cells are left out at random.

As in TF-Slim's nets/nasnet: each image loses a branch by itself, what stays is scaled up,
and a cell is the likelier to lose one the deeper it lies. The rate grew with the
steps of the original training; the hub's module keeps the final one, and so does this.
"""

from __future__ import annotations

import re
from typing import Any

from lookalike_worker.graphs.nasnet_slim import nasnet_layers
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import tf

# The probability to keep a branch of the last cell.
_KEEP = 0.7

# The last layer of a branch, and the id of its cell.
_BRANCH = re.compile(r"(?:separable_conv_2_bn_)?(?:normal|reduction)_(?:left|right)\d_(.+)")


def with_path_dropout(model: Any) -> Any:
    """Give a NASNet-A over the same layers that leaves branches out when `training=True`.

    The variables are those of `model`. The random numbers are TensorFlow's own,
    without a state that would have to be saved.
    """
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if not inner:
        return _dropping(model)
    images = keras.Input(model.input_shape[1:])
    scaled = images
    for layer in model.layers[1:-1]:
        scaled = layer(scaled)
    return keras.Model(images, _dropping(inner[0])(scaled))


def _dropping(nasnet: Any) -> Any:
    keep = keep_probabilities([layer.name for layer in nasnet_layers(nasnet)])

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        answer = layer(*args, **kwargs)
        if layer.name not in keep:
            return answer
        return _PathDropout(keep[layer.name], name=f"path_dropout_{layer.name}")(answer)

    return keras.models.clone_model(nasnet, clone_function=lambda layer: layer, call_function=call)


def keep_probabilities(names: list[str]) -> dict[str, float]:
    """For the last layer of each branch, how likely it is to stay; `names` are all layers in order.

    Cell i of n, stem and reductions counted, keeps its branches with
    probability 1 - (i + 1) / n * 0.3.
    """
    branches = {name: match[1] for name in names if (match := _BRANCH.fullmatch(name))}
    cells = list(dict.fromkeys(branches.values()))
    return {
        name: 1 - (cells.index(cell) + 1) / len(cells) * (1 - _KEEP)
        for name, cell in branches.items()
    }


class _PathDropout(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, keep: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.keep = keep

    def call(self, inputs: Any, training: Any = None) -> Any:
        if not training:
            return inputs
        # Not Keras's random numbers: their seeds would be 172 more variables of the module.
        draws = tf.random.uniform((tf.shape(inputs)[0], 1, 1, 1))
        return inputs * tf.cast(draws < self.keep, inputs.dtype) / self.keep

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
