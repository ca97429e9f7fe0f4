"""A module that can be trained further, through the reusable SavedModel interface of its hub.

With batch statistics it is called as `module(images, training=True)`: that
normalises by the batch, moves the moving averages and applies what dropout the
module has. NASNet's path dropout then has its final rate at every step;
`batch_norm_momentum` is passed where the module takes it, as the published
ones do. Without, it is called as it serves, and its weights are trained alone.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from lookalike.errors import InvalidSetting
from lookalike_worker.finetune.options import Options
from lookalike_worker.modules.module import Module
from lookalike_worker.quiet_tensorflow import hub, tf


class TrainableModule:
    """A loaded module; `variables` and `trainable_variables` are its TensorFlow variables."""

    def __init__(self, module: Module, options: Options) -> None:
        self.module = module
        self._loaded = hub.load(str(module.directory))
        self.variables = list(self._loaded.variables)
        self.trainable_variables = list(getattr(self._loaded, "trainable_variables", None) or [])
        self._parameters = inspect.signature(self._loaded.__call__).parameters
        self._while_serving: dict[str, Any] = {}
        if "training" in self._parameters:
            self._while_serving["training"] = False
        self._while_training = self._while_serving
        self._needs_training = options.batch_statistics
        if options.batch_statistics:
            self._while_training = {"training": True}
            if "batch_norm_momentum" in self._parameters:
                self._while_training["batch_norm_momentum"] = options.batch_norm_momentum

    def check_trainable(self) -> None:
        """Raise InvalidSetting where the module cannot be trained."""
        if not self.trainable_variables:
            lacks = "trainable variables"
        elif self._needs_training and "training" not in self._parameters:
            lacks = "argument `training`, which --batch-statistics needs"
        else:
            return
        raise InvalidSetting(
            f"the module {self.module.space.name} in {self.module.directory} cannot be trained: it "
            f"has no {lacks}; expected a reusable TF2 SavedModel made for "
            "fine-tuning: take another encoder, or --head-only, which trains no weights",
            value=str(self.module.directory),
        )

    def features(self, images: Any, *, training: bool) -> Any:
        """Features, float32, (n, dimensions), of images in [0, 1], float32, (n, size, size, 3)."""
        how = self._while_training if training else self._while_serving
        return tf.cast(self._loaded(images, **how), tf.float32)

    def regularization_loss(self) -> Any:
        """The sum of the losses that the module wants added, a scalar."""
        losses = [loss() for loss in getattr(self._loaded, "regularization_losses", None) or []]
        return tf.add_n(losses) if losses else tf.constant(0.0)

    def save(self, directory: Path) -> None:
        """Write the module with its present weights: the same graph and the same signatures."""
        tf.saved_model.save(self._loaded, str(directory), signatures=self._loaded.signatures)
