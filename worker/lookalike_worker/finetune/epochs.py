"""Epochs: every training picture once, then the judgement, then a checkpoint; until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from lookalike_worker.finetune.augment import random_boxes, whole
from lookalike_worker.finetune.checkpoints import Checkpoints
from lookalike_worker.finetune.head import accuracy, logits_of, loss_of
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.pixels import DecodedSet
from lookalike_worker.finetune.progress import Epoch, Progress
from lookalike_worker.finetune.schedule import learning_rate
from lookalike_worker.finetune.serving import Serving
from lookalike_worker.finetune.split import Indices, Split
from lookalike_worker.finetune.trainer import Trainer, TrainingBatch

# A killed run loses at most this much, also where an epoch takes hours.
_CHECKPOINT_S = 300.0

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens a progress bar for so many images; what it gives is called with each further count."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """The training of all weights; `bar` and `told` show the progress."""

    trainer: Trainer
    serving: Serving
    images: DecodedSet
    split: Split
    options: Options
    checkpoints: Checkpoints
    bar: Bar
    told: Callable[[Progress], None]

    def run(self, progress: Progress) -> Progress:
        """Train from where `progress` stands to the end; the best weights are then in place.

        Raises EncoderExhausted or DiskFull.
        """
        if not progress.epochs:
            progress = self._judged(progress, training_loss=0.0, images_per_s=0.0)
        while not progress.is_over(self.options.epochs, self.options.patience):
            progress = self._trained(progress)
            n_images = len(self.split.training)
            progress = self._judged(
                progress,
                training_loss=progress.loss_sum / n_images,
                images_per_s=n_images / max(progress.spent_s, 1e-9),
            )
        self.checkpoints.take_best()
        return progress

    def _trained(self, progress: Progress) -> Progress:
        batches = self._batches(len(progress.epochs))
        n_steps = self.options.epochs * len(batches)
        saved = time.monotonic()
        what = f"epoch {len(progress.epochs)} of {self.options.epochs}"
        with self.bar(what, len(self.split.training)) as advance:
            advance(sum(map(len, batches[: progress.n_steps])))
            while progress.n_steps < len(batches):
                began = time.monotonic()
                done = (len(progress.epochs) - 1) * len(batches) + progress.n_steps
                batch = self._batch(len(progress.epochs), batches[progress.n_steps])
                rate = learning_rate(self.options.learning_rate, done, n_steps)
                loss_sum = self.trainer.step(batch, rate) * len(batch)
                progress = progress.stepped(loss_sum, time.monotonic() - began)
                advance(len(batch))
                if time.monotonic() - saved > _CHECKPOINT_S:
                    self.checkpoints.save(progress)
                    saved = time.monotonic()
        return progress

    def _batches(self, epoch: int) -> list[Indices]:
        # Of nearly equal sizes: a last batch of one or two pictures has no statistics.
        order = np.random.default_rng([self.options.seed, 2, epoch]).permutation(
            self.split.training
        )
        return np.array_split(order, -(-len(order) // self.options.batch_size))

    def _batch(self, epoch: int, rows: Indices) -> TrainingBatch:
        # By the first picture, so that a run that goes on crops as one that never stopped.
        generator = np.random.default_rng([self.options.seed, 3, epoch, int(rows[0])])
        boxes = random_boxes(len(rows), generator) if self.options.augment else whole(len(rows))
        return TrainingBatch(self.images.pixels[rows], boxes, self.images.classes[rows])

    def _judged(self, progress: Progress, *, training_loss: float, images_per_s: float) -> Progress:
        rows = self.split.validation
        with self.bar("validation", len(rows)) as advance:
            features = self.serving.features(self.images.pixels, rows, advance)
        logits, classes = logits_of(self.trainer.head, features), self.images.classes[rows]
        number = len(progress.epochs)
        loss, right = loss_of(logits, classes), accuracy(logits, classes)
        progress = progress.finished(Epoch(number, training_loss, loss, right, images_per_s))
        if progress.best == number:
            self.checkpoints.save_best()
        self.checkpoints.save(progress)
        self.told(progress)
        return progress
