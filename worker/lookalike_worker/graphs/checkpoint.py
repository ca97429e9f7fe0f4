"""TensorFlow checkpoints, read without TensorFlow: for runtimes on machines that have none.

`prefix.index` is a sorted table as in LevelDB: 48 bytes at the end point to a
block of blocks, and a block holds keys, each without what it shares with the one
before, and values. A key is a tensor's name, its value a BundleEntryProto: type,
shape, place. `prefix.data-…` holds the raw numbers. Sources: tensor_bundle.proto
and table_format of TensorFlow; doc/table_format.md of LevelDB.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing

Weights = dict[str, npt.NDArray[np.generic]]
_Fields = dict[int, list[int | bytes]]
"""A protocol buffer's values by field number, in the order in which they stand."""

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57

# Types of a checkpoint that are plain numbers here; strings (7) are bookkeeping of TensorFlow.
_STRING = 7
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "?", 19: "<f2"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a tensor's bytes lie in the data file, and what they are."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    offset: int
    n_bytes: int


def read_checkpoint(prefix: Path) -> Weights:
    """Give the tensors of numbers of a checkpoint by name; strings are left out.

    The arrays are read-only views of the file: memory is taken when they are
    copied. Sizes are checked, checksums are not: a module's digest and the
    golden images stand for its values. Raises WeightsMissing if a file is
    absent, damaged, compressed or in more than one part.
    """
    try:
        entries = dict(_entries(prefix.with_name(f"{prefix.name}.index").read_bytes()))
        return _mapped(prefix.with_name(f"{prefix.name}.data-00000-of-00001"), entries)
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
        raise WeightsMissing(
            f"{prefix} cannot be read as a checkpoint ({error}); expected TensorFlow's format, "
            "uncompressed, in one part: fetch or export the module again",
            value=str(prefix),
        ) from error


def _mapped(path: Path, entries: dict[str, _Entry]) -> Weights:
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return {name: _view(data, name, entry) for name, entry in entries.items()}


def _view(data: mmap.mmap, name: str, entry: _Entry) -> npt.NDArray[np.generic]:
    n_items = prod(entry.shape)
    if n_items * entry.dtype.itemsize != entry.n_bytes or entry.offset + entry.n_bytes > len(data):
        raise ValueError(f"{name} is incomplete")
    return np.frombuffer(data, entry.dtype, n_items, entry.offset).reshape(entry.shape)


# ------------------------------------------------------------------ the table


def _entries(table: bytes) -> Iterator[tuple[str, _Entry]]:
    footer = table[-_FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("its index does not end like one")
    position = _handle(footer, 0)[2]  # the first handle is that of a block of metadata, unused
    for _, handle in _block(table, *_handle(footer, position)[:2]):
        for key, value in _block(table, *_handle(handle, 0)[:2]):
            fields = _fields(value)
            if key == b"":
                _check_header(fields)
            elif _number(fields, 1) != _STRING:
                yield key.decode(), _entry(key.decode(), fields)


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    """A block's offset and size, and the position behind both."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return offset, size, position


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; a byte after it says how it is compressed."""
    block = table[offset : offset + size]
    if len(block) != size or table[offset + size] != 0:
        raise ValueError("its index is incomplete or compressed")
    n_restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 * (n_restarts + 1)
    key, position = b"", 0
    while position < end:
        n_shared, position = _varint(block, position)
        n_own, position = _varint(block, position)
        n_value, position = _varint(block, position)
        key = key[:n_shared] + block[position : position + n_own]
        position += n_own + n_value
        yield key, block[position - n_value : position]


# ------------------------------------------------------- its protocol buffers


def _check_header(fields: _Fields) -> None:
    if _number(fields, 1) != 1 or _number(fields, 2) != 0:
        raise ValueError("it is in several parts or big-endian")


def _entry(name: str, fields: _Fields) -> _Entry:
    dtype = _number(fields, 1)
    if dtype not in _DTYPES or 7 in fields:
        raise ValueError(f"{name} has the type {dtype} or is cut in slices")
    shape = _fields(_message(fields, 2))
    sizes = tuple(_number(_fields(_bytes(dimension)), 1) for dimension in shape.get(2, []))
    return _Entry(np.dtype(_DTYPES[dtype]), sizes, _number(fields, 4), _number(fields, 5))


def _number(fields: _Fields, number: int) -> int:
    """An integer field, which is absent where it is 0."""
    return int(fields.get(number, [0])[-1])


def _message(fields: _Fields, number: int) -> bytes:
    return _bytes(fields.get(number, [b""])[-1])


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("its index has a number where a message belongs")


def _fields(message: bytes) -> _Fields:
    """Protocol buffer's wire format: varint (0), 8 bytes (1), sized bytes (2), 4 bytes (5)."""
    fields: _Fields = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value, position = _value(message, position, tag & 7)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _value(message: bytes, position: int, kind: int) -> tuple[int | bytes, int]:
    if kind == 0:
        return _varint(message, position)
    if kind == 2:
        size, position = _varint(message, position)
    else:
        size = {1: 8, 5: 4}[kind]
    return message[position : position + size], position + size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
