"""What lies at a path, told by its contents, and the SavedModel that is made of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lookalike.errors import WeightsMissing
from lookalike_worker.modules.archive import unpack
from lookalike_worker.modules.disk import MODULE_BYTES, check_room, disk_errors

_GZIP = b"\x1f\x8b"
_HDF5 = b"\x89HDF\r\n\x1a\n"

_EXPECTED = (
    "a SavedModel folder, a .tar.gz of one, Keras weights of NASNetLarge (.h5, .weights.h5) or a "
    "TF-Slim checkpoint (model.ckpt)"
)

# What else lies in a SavedModel's folder is not the module's: it may be a whole home.
_PARTS = ("saved_model.pb", "fingerprint.pb", "variables", "assets", "assets.extra")


def exists(path: Path) -> bool:
    """Whether a path can be a source: a file, a folder or the prefix of a checkpoint."""
    try:
        return path.exists() or _index(path).is_file()
    except OSError:  # in a folder that may not be entered, or no possible name
        return False


def files_of(path: Path) -> list[Path]:
    """The files that a module would be made of; raises WeightsMissing where nothing usable is."""
    return _files(_locate(path))


def write_saved_model(path: Path, directory: Path) -> None:
    """Write what lies at a path as a SavedModel to a folder that does not exist yet.

    Raises WeightsMissing where nothing usable is there, DiskFull.
    """
    found = _locate(path)
    if found.is_dir():
        _copy(found, directory)
    elif _index(found).is_file():
        check_room(directory.parent, MODULE_BYTES, "the module")
        from lookalike_worker.graphs.slim_checkpoint import export_slim_checkpoint

        export_slim_checkpoint(found, directory)
    else:
        _from_file(found, directory)


def _locate(path: Path) -> Path:
    """The SavedModel's folder, the checkpoint's prefix or the file; folders may lie around it."""
    if not path.is_dir():
        if exists(path):
            return path
        raise WeightsMissing(
            f"nothing is at {path}; expected {_EXPECTED}: check the path", value=str(path)
        )
    if (path / "saved_model.pb").is_file():
        return path
    inside = [one for one in path.iterdir() if not one.name.startswith(".")]
    checkpoints = [one.with_suffix("") for one in inside if one.suffix == ".index"]
    if len(checkpoints) == 1:
        return checkpoints[0]
    if len(inside) == 1:
        return _locate(inside[0])
    raise WeightsMissing(
        f"{path} holds no saved_model.pb and {len(checkpoints)} checkpoints; expected "
        f"{_EXPECTED}: give the path of the folder or file itself, unpacked",
        value=str(path),
    )


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.index")


def _files(found: Path) -> list[Path]:
    if found.is_dir():
        parts = [found / name for name in _PARTS]
        paths = [path for part in parts for path in ([part] if part.is_file() else part.rglob("*"))]
    elif _index(found).is_file():
        beside = found.parent.iterdir()
        paths = [path for path in beside if path.name.startswith(f"{found.name}.")]
    else:
        paths = [found]
    return sorted(path for path in paths if path.is_file())


def _copy(folder: Path, directory: Path) -> None:
    files = _files(folder)
    n_bytes = sum(file.stat().st_size for file in files)
    check_room(directory.parent, n_bytes, "a copy of the module")
    with disk_errors(directory):
        for file in files:
            copy = directory / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _keep_parts(directory: Path) -> None:
    for path in directory.iterdir():
        if path.name not in _PARTS:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _from_file(path: Path, directory: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if start.startswith(_GZIP):
        unpacked = directory.with_name(f"{directory.name}.unpacked")
        unpack(path, unpacked)
        found = _locate(unpacked)
        if found.is_dir():
            found.rename(directory)
            _keep_parts(directory)
        else:
            write_saved_model(found, directory)
        shutil.rmtree(unpacked, ignore_errors=True)
    elif start == _HDF5:
        check_room(directory.parent, MODULE_BYTES, "the module")
        from lookalike_worker.graphs.keras_weights import export_keras_weights

        export_keras_weights(path, directory)
    else:
        raise WeightsMissing(
            f"{path} begins with {start!r}, neither as a gzip archive nor as HDF5; expected "
            f"{_EXPECTED}: if it was downloaded, look at what the address really gives",
            value=str(path),
        )
