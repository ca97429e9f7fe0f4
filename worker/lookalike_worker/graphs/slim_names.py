"""What TF-Slim calls the variables of a NASNet-A that Keras built.

Slim's names follow nets/nasnet/nasnet_utils.py of tensorflow/models: a scope for
each cell, in it `comb_iter_0` to `comb_iter_4` with a `left` and a `right`. Keras's
layers say the same in other words, save that block 5 of a reduction is called `left4`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lookalike_worker.graphs.nasnet_slim import nasnet_layers

_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_VARIABLES = {
    "Conv2D": ("weights",),
    "SeparableConv2D": ("depthwise_weights", "pointwise_weights"),
    "BatchNormalization": _BATCH_NORM,
}

# Kernel sizes of the separable convolutions, and where slim counts them, by Keras's place.
_SEPARABLE = {
    ("normal", "left1"): (5, "comb_iter_0/left"),
    ("normal", "right1"): (3, "comb_iter_0/right"),
    ("normal", "left2"): (5, "comb_iter_1/left"),
    ("normal", "right2"): (3, "comb_iter_1/right"),
    ("normal", "left5"): (3, "comb_iter_4/left"),
    ("reduction", "left1"): (5, "comb_iter_0/left"),
    ("reduction", "right1"): (7, "comb_iter_0/right"),
    ("reduction", "right2"): (7, "comb_iter_1/right"),
    ("reduction", "right3"): (5, "comb_iter_2/right"),
    ("reduction", "left4"): (3, "comb_iter_4/left"),
}

_STEM = {"stem_conv1": "conv0", "stem_bn1": "conv0_bn"}
_CELL_LAYER = re.compile(r"(?:normal|reduction)_(conv|bn)_1_(.+)")
_SEPARABLE_LAYER = re.compile(
    r"separable_conv_([12])(_bn)?_(normal|reduction)_((?:left|right)\d)_(.+)"
)
_ADJUST_LAYER = re.compile(r"adjust_(conv_projection|conv_1|conv_2|bn)_(.+)")


def slim_variables(model: Any) -> Iterator[tuple[str, Any]]:
    """Slim's name for every variable of a NASNet-A, and the Keras variable."""
    layers = nasnet_layers(model)
    scopes = _Scopes.of([layer.name for layer in layers])
    for layer in layers:
        if layer.weights:
            parts = _VARIABLES[type(layer).__name__]
            for part, variable in zip(parts, layer.weights, strict=True):
                yield f"{scopes.of_layer(layer.name)}/{part}", variable


@dataclass(frozen=True, slots=True)
class _Scopes:
    """`n_blocks` normal cells lie before each reduction; `halving` are the ids of cells that
    get the input before last at twice their size."""

    n_blocks: int
    halving: frozenset[str]

    @classmethod
    def of(cls, names: list[str]) -> _Scopes:
        reductions = [re.fullmatch(r"reduction_conv_1_reduce_(\d+)", name) for name in names]
        halvings = [re.fullmatch(r"adjust_conv_1_(.+)", name) for name in names]
        return cls(
            min(int(match[1]) for match in reductions if match),
            frozenset(match[1] for match in halvings if match),
        )

    def of_layer(self, name: str) -> str:
        if name in _STEM:
            return _STEM[name]
        if match := _CELL_LAYER.fullmatch(name):
            kind, block = match.groups()
            return f"{self._cell(block)}/{'1x1' if kind == 'conv' else 'beginning_bn'}"
        if match := _SEPARABLE_LAYER.fullmatch(name):
            number, norm, kind, place, block = match.groups()
            size, side = _SEPARABLE[kind, place]
            operation = "bn_sep" if norm else "separable"
            return f"{self._cell(block)}/{side}/{operation}_{size}x{size}_{number}"
        if match := _ADJUST_LAYER.fullmatch(name):
            part, block = match.groups()
            return f"{self._cell(block)}/{self._adjustment(part, block)}"
        raise ValueError(f"{name} is no layer of NASNet-A")

    def _adjustment(self, part: str, block: str) -> str:
        """What fits the input before last to the cell: two paths where it halves, else one."""
        if part == "bn":
            return "final_path_bn" if block in self.halving else "prev_bn"
        return {"conv_projection": "prev_1x1", "conv_1": "path1_conv", "conv_2": "path2_conv"}[part]

    def _cell(self, block: str) -> str:
        """Slim counts stem, normal and reduction cells apart; Keras's numbers skip reductions."""
        kind, _, number = block.rpartition("_")
        if kind == "stem":
            return f"cell_stem_{int(number) - 1}"
        if kind == "reduce":
            return f"reduction_cell_{int(number) // self.n_blocks - 1}"
        index = int(number)
        return f"cell_{index if index < self.n_blocks else index - 1}"
