"""How fast a graph could be on a device: by its arithmetic, and by what it reads and writes.

Arithmetic is that of convolutions. Traffic is what each convolution and each
pooling reads and writes, once, at two bytes a number; a separable convolution
counts as one, all between (normalisation, ReLU, sums, concatenations, padding)
is taken to be fused and free, and each weight is read once a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

BYTES_A_NUMBER = 2

_POOLS = ("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D")


class Layer(Protocol):
    """What is read of a Keras layer that is called once; channels come last."""

    @property
    def input(self) -> Any: ...

    @property
    def output(self) -> Any: ...

    @property
    def kernel_size(self) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What one image costs: floating-point operations and bytes of activations."""

    flops: float
    n_bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.n_bytes + other.n_bytes)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a device was measured to do at most, a second."""

    flops: float
    n_bytes: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """Images a second that the device cannot exceed."""

    by_arithmetic: float
    by_traffic: float

    @property
    def images_per_s(self) -> float:
        return min(self.by_arithmetic, self.by_traffic)


def roofline(work: Work, ceilings: Ceilings, *, weight_bytes: float, batch_size: int) -> Roofline:
    n_bytes = work.n_bytes + weight_bytes / batch_size
    return Roofline(ceilings.flops / work.flops, ceilings.n_bytes / n_bytes)


def work_of(layers: Iterable[Layer]) -> Work:
    """Add up the layers of a graph, known by the names of their classes."""
    return sum((work for layer in layers for work in _works(layer)), Work(0, 0))


def layers_of(model: Any) -> Iterator[Any]:
    """The layers of a Keras model and of the models in it."""
    for layer in model.layers:
        yield from layers_of(layer) if hasattr(layer, "layers") else (layer,)


def _works(layer: Layer) -> Iterator[Work]:
    kind = type(layer).__name__
    if kind == "Conv2D":
        yield _convolution(layer.input.shape, layer.output.shape, layer.kernel_size)
    elif kind == "DepthwiseConv2D":
        yield _depthwise(layer.input.shape, layer.output.shape, layer.kernel_size)
    elif kind == "SeparableConv2D":
        before, after = layer.input.shape, layer.output.shape
        between = (*after[:-1], before[-1])
        flops = _depthwise(before, between, layer.kernel_size).flops
        flops += _convolution(between, after, (1, 1)).flops
        yield Work(flops, _moved(before, after))
    elif kind in _POOLS:
        yield Work(0, _moved(layer.input.shape, layer.output.shape))


def _convolution(before: Any, after: Any, kernel: tuple[int, int]) -> Work:
    return Work(2 * prod(kernel) * before[-1] * prod(after[1:]), _moved(before, after))


def _depthwise(before: Any, after: Any, kernel: tuple[int, int]) -> Work:
    return Work(2 * prod(kernel) * prod(after[1:]), _moved(before, after))


def _moved(before: Any, after: Any) -> float:
    return float(BYTES_A_NUMBER * (prod(before[1:]) + prod(after[1:])))
