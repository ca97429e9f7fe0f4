"""Where an encoder's module comes from, as the setting LOOKALIKE_ENCODER names it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from lookalike.errors import DownloadFailed, InvalidSetting, WeightsMissing
from lookalike_worker.modules import exports, hub, kaggle
from lookalike_worker.modules.building import Source, obtain, renewed
from lookalike_worker.modules.contents import exists, files_of, write_saved_model
from lookalike_worker.modules.download import Progress, Wanted, download
from lookalike_worker.modules.entries import Entry, entries, find_name, find_origin, slug
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.preparation import Write
from lookalike_worker.modules.record import Origin, sha256_of

__all__ = ["Module", "find_source", "resolve"]

_CHOICES = (
    "`nasnet_large`, `efficientnet_lite0`, `auto`, an https or kaggle: handle, the name of an "
    "encoder in the cache (`lookalike encoder list`), or the path of a SavedModel folder, a "
    ".tar.gz of one, Keras weights (.h5) or a TF-Slim checkpoint"
)
_SHA256 = "#sha256="

_log = structlog.get_logger()


def _silent(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Local:
    """Files on this machine; a copy enters the cache, so that they may go.

    `handle` is what they were got as, where somebody else downloaded them.
    """

    path: Path
    sha256: str = ""
    handle: str = ""

    @property
    def origin(self) -> Origin:
        if self.handle:
            return Origin(source=self.handle)
        return Origin(source=str(self.path), stamp=_stamp(self.path), sha256=self.sha256)

    @property
    def name(self) -> str:
        if self.handle:
            return hub.name_of(self.handle)
        name = self.path.name
        for ending in (".tar.gz", ".tgz", ".weights.h5", ".h5"):
            name = name.removesuffix(ending)
        return slug(name)

    def deliver(self, work: Path) -> Write:
        del work
        if not exists(self.path):
            raise WeightsMissing(
                f"{str(self.path)!r} is neither here nor in the cache; expected {_CHOICES}",
                value=str(self.path),
            )
        for file in files_of(self.path):
            if not os.access(file, os.R_OK):
                raise WeightsMissing(
                    f"{file} may not be read; expected a module's file: change its permissions",
                    value=str(file),
                )
        if self.sha256:
            self._check_hash()
        return partial(write_saved_model, self.path)

    def _check_hash(self) -> None:
        found = sha256_of(self.path) if self.path.is_file() else "that of no single file"
        if found != self.sha256:
            raise WeightsMissing(
                f"{self.path} has the SHA-256 {found}; expected {self.sha256}: correct the hash "
                "if it is mistaken, else get the file from a place that you trust",
                value=found,
            )


@dataclass(frozen=True, slots=True)
class Remote:
    """A file at an address: the archive or the weights behind a handle."""

    handle: str
    name: str
    wanted: Wanted
    on_progress: Progress = field(default=_silent, compare=False)

    @property
    def origin(self) -> Origin:
        return Origin(source=self.handle, sha256=self.wanted.sha256)

    def deliver(self, work: Path) -> Write:
        target = work / "download"
        _log.info("downloading encoder", handle=self.handle)
        download(self.wanted, target, on_progress=self.on_progress)
        return partial(_write_and_forget, target)


def _write_and_forget(downloaded: Path, directory: Path) -> None:
    # Good or bad, it is not needed again: the next try would meet the same bytes.
    try:
        write_saved_model(downloaded, directory)
    finally:
        downloaded.unlink(missing_ok=True)


def resolve(encoder: str, *, untrained: bool, cache: Path) -> Module:
    """Give the module that the setting `encoder` means; get it into the cache if need be.

    Once it is there, neither network nor TensorFlow nor the source itself is
    needed. Untrained weights exist for `nasnet_large` alone (and so for
    `auto`); any other is then only labelled as untrained. Raises
    WeightsMissing with what was tried, or InvalidSetting.
    """
    if encoder == "auto" and not untrained:
        return _best_reachable(cache)
    entry = _in_cache(encoder, untrained=untrained, cache=cache)
    entry = entry or obtain(cache, find_source(encoder, untrained=untrained, cache=cache))
    return renewed(cache, entry).checked(untrained=untrained)


def find_source(
    text: str,
    *,
    untrained: bool,
    cache: Path,
    sha256: str = "",
    on_progress: Progress = _silent,
) -> Source:
    """What a text names as a source; nothing is read or asked yet.

    A handle or file may end in `#sha256=…`. Raises InvalidSetting.
    """
    if text in exports.NAMES:
        if text == "efficientnet_lite0":
            _refuse_untrained(untrained)
            return exports.EFFICIENTNET_LITE0
        if untrained:
            return exports.NASNET_LARGE_UNTRAINED
        text = hub.NASNET_LARGE
    text, _, given = text.partition(_SHA256)
    expected = _checked_hash(sha256 or given)
    if kaggle.is_kaggle(text):
        model = kaggle.parse_kaggle(text)
        wanted = Wanted(model.address, expected, kaggle.login(), kaggle.NEXT_STEP)
        return Remote(model.handle, model.name, wanted, on_progress)
    if text.startswith(("https://", "http://")):
        hub.check_handle(text)
        folder = hub.unpacked_by_hand(text, cache)
        if folder is not None and not expected:
            return Local(folder, handle=text)
        wanted = Wanted(hub.address_of(text), expected, next_step=hub.NEXT_STEP)
        return Remote(text, hub.name_of(text), wanted, on_progress)
    return Local(_absolute(text), expected)


def _in_cache(encoder: str, *, untrained: bool, cache: Path) -> Entry | None:
    """What is called so in the cache; a file or folder of that name outside it comes first."""
    if encoder == "nasnet_large" and not untrained:
        return _nasnet_large_in(cache)
    path = _absolute(encoder)
    is_inside = path.parent == cache.absolute()
    if encoder in exports.NAMES or (exists(path) and not is_inside):
        return None
    return find_name(cache, path.name if is_inside else encoder)


def _nasnet_large_in(cache: Path) -> Entry | None:
    """The hub's own where it is there, else the newest trained one, from whatever source."""
    trained = [
        entry
        for entry in entries(cache)
        if entry.record.encoder == "nasnet_large" and entry.record.trained
    ]
    newest = max(trained, key=lambda entry: entry.record.created, default=None)
    return find_origin(cache, Origin(source=hub.NASNET_LARGE)) or newest


def _best_reachable(cache: Path) -> Module:
    try:
        return resolve("nasnet_large", untrained=False, cache=cache)
    except DownloadFailed as error:
        why = str(error.__cause__ or error)
        note = (
            f"NASNet-A Large's weights cannot be reached ({why}), so EfficientNet-Lite0 is used "
            "instead; to use NASNet-A Large, set LOOKALIKE_ENCODER to a folder or file with its "
            "weights or to a handle that can be reached"
        )
        return renewed(cache, obtain(cache, exports.EFFICIENTNET_LITE0)).checked(note=note)


def _refuse_untrained(untrained: bool) -> None:
    if untrained:
        raise InvalidSetting(
            "LOOKALIKE_UNTRAINED is set, but efficientnet_lite0 has trained weights only: "
            "unset it, or set LOOKALIKE_ENCODER to nasnet_large",
            value=untrained,
        )


def _checked_hash(text: str) -> str:
    digest = text.strip().lower()
    if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
        raise InvalidSetting(
            f"{text!r} is no SHA-256; expected 64 hexadecimal digits: copy them whole",
            value=text,
        )
    return digest


def _absolute(text: str) -> Path:
    # Not resolved: where a link was and is no more, its name still says what was meant.
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100


def _stamp(path: Path) -> str:
    """Changes whenever a file at a path does; empty where nothing is there."""
    stamp = hashlib.sha256()
    if not exists(path):
        return ""
    for file in files_of(path):
        status = file.stat()
        stamp.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return stamp.hexdigest()
