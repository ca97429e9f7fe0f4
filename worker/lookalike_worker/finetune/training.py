"""Both phases of a run: the head on frozen features, then all weights; and the new module."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.features import Features
from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.checkpoints import Checkpoints
from lookalike_worker.finetune.curve import draw_curve
from lookalike_worker.finetune.epochs import Bar, Epochs
from lookalike_worker.finetune.head import Examples, train_head
from lookalike_worker.finetune.log import write_log
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.outcome import Outcome, judge
from lookalike_worker.finetune.pixels import DecodedSet
from lookalike_worker.finetune.progress import Epoch, Progress
from lookalike_worker.finetune.serving import Serving
from lookalike_worker.finetune.split import Indices, Split
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.finetune.trainer import Trainer
from lookalike_worker.graphs.head import Head, save_head
from lookalike_worker.graphs.label import Label, write_label

# The head alone needs no gradients of the encoder, so that many images always fit.
_SERVED_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Training:
    """A module and decoded pictures in two parts; `folder` keeps what the run leaves behind."""

    module: TrainableModule
    labels: tuple[str, ...]
    images: DecodedSet
    split: Split
    folder: Path
    name: str
    options: Options
    at_once: int
    bar: Bar
    told: Callable[[Epoch], None]

    def outcome(self) -> Outcome:
        """Train what the options say, judge it, and write the module with its head."""
        at_once = AtOnce(self.at_once)
        serving = Serving(self.module, at_once)
        frozen = self._frozen_features(serving)
        training, validation = self._examples(frozen)
        head = train_head(training, validation, self.labels, seed=self.options.seed)
        before = after = judge(head, training, validation)
        progress = Progress()
        if not self.options.head_only:
            head, progress = self._all_weights(head, serving, at_once)
            if progress.best > 0:
                after = judge(head, *self._examples(self._features(serving, "judging")))
        return Outcome(
            self._export(head, progress),
            self._encoder(progress),
            before,
            after,
            progress,
            len(self.split.training),
            len(self.split.validation),
            at_once.n_images,
        )

    def _all_weights(self, head: Head, serving: Serving, at_once: AtOnce) -> tuple[Head, Progress]:
        self.module.check_trainable()
        trainer = Trainer(self.module, head, at_once)
        checkpoints = Checkpoints(trainer, self.folder)
        epochs = Epochs(
            trainer=trainer,
            serving=serving,
            images=self.images,
            split=self.split,
            options=self.options,
            checkpoints=checkpoints,
            bar=self.bar,
            told=self._record,
        )
        progress = epochs.run(checkpoints.resume() or Progress())
        return trainer.head, progress

    def _record(self, progress: Progress) -> None:
        write_log(progress, self.folder / "log.jsonl")
        draw_curve(progress, self.name, self.folder / "curve.png")
        self.told(progress.epochs[-1])

    def _frozen_features(self, serving: Serving) -> Features:
        file = self.folder / "features.npy"
        if file.is_file():
            kept: Features = np.load(file)
            return kept
        features = self._features(serving, "features")
        unfinished = file.with_suffix(".unfinished")
        with unfinished.open("wb") as out:
            np.save(out, features)
        unfinished.rename(file)
        return features

    def _features(self, serving: Serving, what: str) -> Features:
        rows = np.arange(len(self.images.names))
        with self.bar(what, len(rows)) as advance:
            return serving.features(self.images.pixels, rows, advance)

    def _examples(self, features: Features) -> tuple[Examples, Examples]:
        def part(rows: Indices) -> Examples:
            return Examples(features[rows], self.images.classes[rows])

        return part(self.split.training), part(self.split.validation)

    def _encoder(self, progress: Progress) -> str:
        # The same weights are the same encoder: only a head is new.
        return self.name if progress.best > 0 else self.module.module.space.encoder

    def _export(self, head: Head, progress: Progress) -> Path:
        directory = self.folder / "module"
        shutil.rmtree(directory, ignore_errors=True)
        self.module.save(directory)
        source = self.module.module
        trained = source.space.trained or progress.best > 0
        write_label(Label(self._encoder(progress), trained, source.architecture), directory)
        save_head(head, directory)
        return directory
