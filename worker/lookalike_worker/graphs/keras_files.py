"""Keras's weight files in HDF5, read without a model: the older layout and that of Keras 3.

Older, `.h5`: a group for each layer, attributes `layer_names` and `weight_names` for
the order, perhaps all below `model_weights`. Keras 3, `.weights.h5`: groups named by
the layers' classes and numbered (`conv2d_12/vars/0`); newer files say the layer's own
name beside. Names given automatically count on through a session: they identify nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing

Array = npt.NDArray[np.generic]

_NUMBERED = re.compile(r"(.+?)(?:_(\d+))?")


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer's arrays in Keras's order; `kind` is its class, `conv2d`, or empty if not said."""

    name: str
    kind: str
    arrays: tuple[Array, ...]

    @property
    def is_dense(self) -> bool:
        """Whether this can be a classifier: a kernel (dimensions, classes) and a bias."""
        return [array.ndim for array in self.arrays] == [2, 1]


def read_keras_file(path: Path) -> list[StoredLayer]:
    """The layers of a weight file that have weights, each kind in the order of its graph.

    Raises WeightsMissing where the file is absent, damaged or no weight file.
    """
    try:
        with h5py.File(path, "r") as file:
            layers = list(_layers(file))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise unusable(path, error) from error
    if not layers:
        raise unusable(path, "it holds no layers with weights")
    return layers


def unusable(path: Path, cause: object) -> WeightsMissing:
    """The error for a file whose weights fit none of our graphs."""
    return WeightsMissing(
        f"{path} cannot be used ({cause}); expected Keras's weights of NASNetLarge or of "
        "EfficientNet-Lite0, .h5 or .weights.h5: give such a file, or save the model as a "
        "SavedModel and give its folder",
        value=str(path),
    )


def describe(layers: list[StoredLayer]) -> str:
    """What a file holds, in one line."""
    arrays = [array for layer in layers for array in layer.arrays]
    n_numbers = sum(array.size for array in arrays)
    first = layers[0]
    shapes = ", ".join(str(array.shape) for array in first.arrays)
    return (
        f"it holds {len(layers)} layers with {len(arrays)} arrays, {n_numbers:,} numbers, "
        f"the first being {first.name or first.kind} {shapes}"
    )


def _layers(file: Any) -> Iterator[StoredLayer]:
    root = file.get("model_weights", file)
    if _texts(root, "layer_names"):
        return _layers_by_attributes(root)
    if "layers" in root or "_layer_checkpoint_dependencies" in root:
        return _layers_by_class(root)
    raise ValueError(f"neither layer_names nor layers stand in it, but {sorted(root)[:5]}")


# ------------------------------------------------------------ the older layout


def _layers_by_attributes(root: Any) -> Iterator[StoredLayer]:
    for name in _texts(root, "layer_names"):
        group = root[name]
        parts: dict[str, list[Array]] = {}
        for weight in _texts(group, "weight_names"):
            # The layer of a model within a model is told by the path alone.
            parts.setdefault(weight.rpartition("/")[0], []).append(np.asarray(group[weight]))
        for path, arrays in parts.items():
            own = name if len(parts) == 1 else path.rpartition("/")[2]
            yield StoredLayer(own, "", tuple(arrays))


def _texts(group: Any, attribute: str) -> list[str]:
    """A list of texts that HDF5 limits to 64 kB an attribute, and Keras then numbers."""
    if attribute in group.attrs:
        chunks = [group.attrs[attribute]]
    else:
        numbered = [f"{attribute}{number}" for number in range(len(group.attrs))]
        chunks = [group.attrs[name] for name in numbered if name in group.attrs]
    return [
        text.decode() if isinstance(text, bytes) else str(text) for part in chunks for text in part
    ]


# -------------------------------------------------------------------- Keras 3


def _layers_by_class(root: Any) -> Iterator[StoredLayer]:
    for key in ("layers", "_layer_checkpoint_dependencies"):
        for name in sorted(root.get(key, ()), key=_numbered):
            yield from _layers_in(root[key][name], _numbered(name)[0])


def _layers_in(group: Any, kind: str) -> Iterator[StoredLayer]:
    values = group.get("vars")
    if values is not None and len(values):
        arrays = tuple(np.asarray(values[str(number)]) for number in range(len(values)))
        yield StoredLayer(str(values.attrs.get("name", "")), kind, arrays)
    # A model within the model; the state of random numbers is none of its layers.
    yield from _layers_by_class(group)


def _numbered(name: str) -> tuple[str, int]:
    match = _NUMBERED.fullmatch(name)
    assert match
    return match[1], int(match[2] or 0)
