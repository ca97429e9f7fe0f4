from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.torch_weights import read_torch_weights

MAGIC = 0x1950A86A20F9469CFC6C


class Hostile:
    """Runs a command when a trusting reader unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.marker}",)


def global_(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def tensor(name: str, *, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> bytes:
    """The pickle of `{name: a float tensor in the storage "7" of 6 items}`."""
    pid = b"(V" + b"storage\n" + global_("torch", "FloatStorage") + b"V7\nVcpu\nI6\nNtQ"
    sizes = b"".join(pickle.dumps(t, 0).rstrip(b".") for t in (shape, strides))
    arguments = b"(" + pid + f"I{offset}\n".encode() + sizes + b"I00\nNt"
    return (
        b"(dV"
        + name.encode()
        + b"\n"
        + global_("torch._utils", "_rebuild_tensor_v2")
        + (arguments + b"Rs.")
    )


def weight_file(path: Path, tensors: bytes, *, n_items: int = 6) -> Path:
    out = io.BytesIO()
    for value in (MAGIC, 1001, {"little_endian": True}):
        out.write(pickle.dumps(value, 2))
    out.write(tensors + pickle.dumps(["7"], 2))
    out.write(n_items.to_bytes(8, "little") + np.arange(n_items, dtype="<f4").tobytes())
    path.write_bytes(out.getvalue())
    return path


def test_a_tensor_is_read_with_its_strides(tmp_path: Path) -> None:
    path = weight_file(tmp_path / "w.pth", tensor("w", shape=(3, 2), strides=(1, 3), offset=0))
    assert read_torch_weights(path)["w"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "was_run"
    payload = pickle.dumps(OrderedDict(w=Hostile(marker)), 2)
    path = weight_file(tmp_path / "w.pth", payload)
    with pytest.raises(WeightsMissing, match="system has no place in weights"):
        read_torch_weights(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "name"), [("builtins", "eval"), ("torch", "load"), ("collections", "deque")]
)
def test_no_other_class_is_let_in(tmp_path: Path, module: str, name: str) -> None:
    path = weight_file(tmp_path / "w.pth", global_(module, name) + b".")
    with pytest.raises(WeightsMissing, match=f"{module}.{name} has no place"):
        read_torch_weights(path)


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((2, 3), (4, 1), 0), ((6,), (1,), 1), ((2,), (-1,), 1), ((1,), (1,), -1)],
)
def test_a_tensor_beyond_its_storage_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    tensors = tensor("w", shape=shape, strides=strides, offset=offset)
    with pytest.raises(WeightsMissing, match="beyond its storage"):
        read_torch_weights(weight_file(tmp_path / "w.pth", tensors))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = weight_file(tmp_path / "w.pth", tensor("w", shape=(6,), strides=(1,), offset=0))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(WeightsMissing, match="incomplete"):
        read_torch_weights(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x02}."])
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsMissing, match="legacy format"):
        read_torch_weights(path)


def test_an_absent_file_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="install the package"):
        read_torch_weights(tmp_path / "none.pth")
