"""Checkpoints of a run: the last state, to go on from, and the best weights so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookalike.errors import InvalidSetting
from lookalike_worker.finetune.disk import full_disk
from lookalike_worker.finetune.progress import Progress
from lookalike_worker.finetune.trainer import Trainer
from lookalike_worker.quiet_tensorflow import tf


class Checkpoints:
    """The checkpoints in a run's folder; each is written beside the older one, which then goes.

    Progress is a variable of the checkpoint itself, so the two never disagree.
    """

    def __init__(self, trainer: Trainer, folder: Path) -> None:
        self._folder = folder
        with tf.device("/CPU:0"):  # text has no place on an accelerator
            self._progress = tf.Variable("", dtype=tf.string)
        weights = tf.train.Checkpoint(weights=trainer.weights)
        whole = tf.train.Checkpoint(
            weights=trainer.weights, optimizer=trainer.optimizer_state, progress=self._progress
        )
        self._last = tf.train.CheckpointManager(whole, str(folder / "last"), max_to_keep=1)
        self._best = tf.train.CheckpointManager(weights, str(folder / "best"), max_to_keep=1)

    def resume(self) -> Progress | None:
        """Set everything to the last checkpoint; None where there is none."""
        if self._last.latest_checkpoint is None:
            return None
        _restore(self._last)
        return Progress.from_json(self._progress.numpy())

    def save(self, progress: Progress) -> None:
        """Write the last checkpoint; raises DiskFull where the disk is full."""
        self._progress.assign(progress.to_json())
        with full_disk(self._folder):
            self._last.save()

    def save_best(self) -> None:
        """Keep the present weights as the best; raises DiskFull where the disk is full."""
        with full_disk(self._folder):
            self._best.save()

    def take_best(self) -> None:
        """Set the weights to the best ones."""
        _restore(self._best)


def _restore(manager: Any) -> None:
    path = manager.latest_checkpoint
    try:
        manager.checkpoint.restore(path).assert_existing_objects_matched()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        raise InvalidSetting(
            f"the checkpoint {path} cannot be read ({error}); expected it as this run wrote it: "
            "begin anew with --restart",
            value=str(path),
        ) from error
