"""A run from class folders to a module: pixels, head, epochs, judgement, export."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lookalike_worker.finetune.class_folders import TrainingSet
from lookalike_worker.finetune.disk import check_room, full_disk
from lookalike_worker.finetune.epochs import Bar
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.outcome import Outcome
from lookalike_worker.finetune.pixels import Unreadable, decode_set, forget_pixels
from lookalike_worker.finetune.progress import Epoch
from lookalike_worker.finetune.run_file import Identity, claim
from lookalike_worker.finetune.split import split
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.finetune.training import Training
from lookalike_worker.modules.module import Module


@dataclass(frozen=True, slots=True)
class Watcher:
    """How a run is shown: progress bars, the pictures that are none, the end of an epoch."""

    bar: Bar
    unreadable: Callable[[tuple[Unreadable, ...]], None]
    epoch: Callable[[Epoch], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `folder` keeps its pixels, checkpoints, log, curve and module.

    `name` is what the new encoder is called; `at_once` bounds the images on
    the device at a time: a matter of memory, which may change on the way.
    """

    module: Module
    images: TrainingSet
    folder: Path
    name: str
    options: Options
    at_once: int
    max_pixels: int
    watcher: Watcher

    def outcome(self) -> Outcome:
        """Train and export; after a kill, the same call goes on from the last checkpoint.

        Raises TrainingSetUnusable, InvalidSetting, EncoderExhausted or DiskFull.
        """
        with full_disk(self.folder):
            identity = Identity(self.module.space.name, self.images.digest, self.options)
            claim(self.folder, identity)
            n_pixels = len(self.images.images) * self.module.input_size**2
            check_room(self.folder, self.module.directory, 3 * n_pixels)
            return self._training().outcome()

    def forget(self) -> None:
        """Remove what an earlier run left in the folder."""
        for name in ("last", "best", "module"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in ("run.json", "log.jsonl", "curve.png", "features.npy"):
            (self.folder / name).unlink(missing_ok=True)
        forget_pixels(self.folder)

    def _training(self) -> Training:
        options = self.options
        with self.watcher.bar("decoding", len(self.images.images)) as advance:
            images = decode_set(
                self.images,
                self.folder,
                size=self.module.input_size,
                max_pixels=self.max_pixels,
                advance=advance,
            )
        self.watcher.unreadable(images.unreadable)
        classes = [self.images.labels[number] for number in images.classes]
        parts = split(images.names, classes, validation=options.validation, seed=options.seed)
        module = TrainableModule(self.module, options)
        return Training(
            module=module,
            labels=self.images.labels,
            images=images,
            split=parts,
            folder=self.folder,
            name=self.name,
            options=options,
            at_once=self.at_once,
            bar=self.watcher.bar,
            told=self.watcher.epoch,
        )
