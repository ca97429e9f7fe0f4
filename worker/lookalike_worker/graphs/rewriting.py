"""A Keras graph in other words: the same variables in the same order, operations that run faster.

Nothing here depends on Keras's backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lookalike_worker.quiet_keras import keras

ops = keras.ops


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is said otherwise.

    `bf16`: Keras's mixed precision, activations and products in bfloat16.
    `shifts`: a depthwise convolution becomes a sum of shifted products, which
    XLA fuses with its neighbours. `products`: a convolution of 1 x 1 becomes a
    matrix product. On two cores both made EfficientNet-Lite0 four times as fast
    under XLA (docs/gpu.md); on GPUs they have not been measured.
    """

    bf16: bool = False
    shifts: bool = False
    products: bool = False


def empty(build: Any) -> Any:
    """Call a graph's builder without drawing its random weights: 1 s for NASNet-A Large, not 14.

    The graph's variables hold no values until they are passed to `stateless_call`.
    """
    with keras.StatelessScope(initialize_variables=False):
        return build()


def rewritten(model: Any, rewriting: Rewriting) -> Any:
    """Give an empty graph (see `empty`) with the variables of `model` in their order."""
    return empty(
        lambda: keras.models.clone_model(
            model, clone_function=lambda layer: _layer(layer, rewriting), recursive=True
        )
    )


def _layer(layer: Any, rewriting: Rewriting) -> Any:
    kind = type(layer)
    if kind is keras.layers.SeparableConv2D:
        kind = _Separable
    elif kind is keras.layers.DepthwiseConv2D and rewriting.shifts:
        kind = _Depthwise
    elif kind is keras.layers.Conv2D and layer.kernel_size == layer.strides == (1, 1):
        kind = _Pointwise
    policy = "mixed_bfloat16" if rewriting.bf16 else "float32"
    new = kind.from_config(layer.get_config() | {"dtype": policy})
    new.rewriting = rewriting
    return new


class _Depthwise(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        x = _depthwise(inputs, self.kernel, self.strides[0], self.padding)
        return x + self.bias if self.use_bias else x


class _Pointwise(keras.layers.Conv2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        if not self.rewriting.products:
            return super().call(inputs)
        x = ops.matmul(inputs, self.kernel[0, 0])
        return x + self.bias if self.use_bias else x


class _Separable(keras.layers.SeparableConv2D):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        if self.rewriting.shifts:
            x = _depthwise(inputs, self.depthwise_kernel, self.strides[0], self.padding)
        else:
            x = ops.depthwise_conv(inputs, self.depthwise_kernel, self.strides, self.padding)
        if self.rewriting.products:
            x = ops.matmul(x, self.pointwise_kernel[0, 0])
        else:
            x = ops.conv(x, self.pointwise_kernel)
        return x + self.bias if self.use_bias else x


def _depthwise(inputs: Any, kernel: Any, stride: int, padding: str) -> Any:
    """The sum over a (k, k, channels, 1) kernel of shifted inputs, (n, h, w, channels), in float32.

    Its result has the type of the inputs.
    """
    size = kernel.shape[0]
    if padding == "same":
        margins = [_margins(side, size, stride) for side in inputs.shape[1:3]]
        inputs = ops.pad(inputs, [(0, 0), *margins, (0, 0)])
    spans = [(side - size) // stride * stride + 1 for side in inputs.shape[1:3]]
    total: Any = 0
    for i in range(size):
        for j in range(size):
            shifted = inputs[:, i : i + spans[0] : stride, j : j + spans[1] : stride]
            weights = ops.cast(kernel[i, j, :, 0], "float32")
            total = total + ops.cast(shifted, "float32") * weights
    return ops.cast(total, inputs.dtype)


def _margins(side: int, size: int, stride: int) -> tuple[int, int]:
    """TensorFlow's `same`: rows before and after, the odd one after."""
    missing = max((-(-side // stride) - 1) * stride + size - side, 0)
    return missing // 2, missing - missing // 2
