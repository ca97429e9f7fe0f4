"""Steps of all weights: encoder and head together, by AdamW on the cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.augment import Boxes
from lookalike_worker.finetune.head import LABEL_SMOOTHING, ClassNumbers
from lookalike_worker.finetune.pixels import PixelArray
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.graphs.head import Head
from lookalike_worker.quiet_keras import keras, require_backend
from lookalike_worker.quiet_tensorflow import tf

_WEIGHT_DECAY = 1e-4


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Pixels, what of them is seen, and their classes: one step's."""

    pixels: PixelArray
    boxes: Boxes
    classes: ClassNumbers

    def __len__(self) -> int:
        return len(self.classes)

    def part(self, start: int, length: int) -> TrainingBatch:
        """Some of the rows."""
        rows = slice(start, start + length)
        return TrainingBatch(self.pixels[rows], self.boxes[rows], self.classes[rows])


class Trainer:
    """A module and a head in training.

    A batch of more images than may be on the device at once is computed in
    parts whose gradients are added up. Where memory runs out, the bound
    halves and the step is taken again.
    """

    def __init__(self, module: TrainableModule, head: Head, at_once: AtOnce) -> None:
        require_backend("tensorflow")
        self._module = module
        self._at_once = at_once
        self._labels = head.labels
        self._kernel, self._bias = tf.Variable(head.kernel), tf.Variable(head.bias)
        self._trained = [*module.trainable_variables, self._kernel, self._bias]
        self.weights = [*module.variables, self._kernel, self._bias]
        self._optimizer = keras.optimizers.AdamW(weight_decay=_WEIGHT_DECAY)
        self._optimizer.build(self._trained)
        self._gradients = tf.function(self._gradients_of, autograph=False, reduce_retracing=True)
        self._apply = tf.function(self._apply_to_weights, autograph=False)

    @property
    def head(self) -> Head:
        """The head as it now stands."""
        return Head(self._kernel.numpy(), self._bias.numpy(), self._labels)

    @property
    def optimizer_state(self) -> list[Any]:
        """The optimizer's variables, which a training that goes on has to find again."""
        return [variable.value for variable in self._optimizer.variables]

    def step(self, batch: TrainingBatch, rate: float) -> float:
        """Move the weights once; gives the batch's mean loss.

        Raises EncoderExhausted where not even one image fits into memory.
        """
        while True:
            try:
                loss, gradients = self._summed(batch)
                break
            except tf.errors.ResourceExhaustedError as error:
                self._at_once.halve(error)
        self._optimizer.learning_rate = rate
        self._apply(gradients)
        return float(loss)

    def _summed(self, batch: TrainingBatch) -> tuple[Any, list[Any]]:
        n_at_once = self._at_once.n_images
        parts = [batch.part(start, n_at_once) for start in range(0, len(batch), n_at_once)]
        loss, total = self._of_part(parts[0], len(batch))
        for part in parts[1:]:
            further_loss, gradients = self._of_part(part, len(batch))
            loss += further_loss
            total = list(map(tf.add, total, gradients))
        return loss, total

    def _of_part(self, part: TrainingBatch, n_images: int) -> tuple[Any, list[Any]]:
        share = np.float32(len(part) / n_images)
        tensors = map(tf.constant, (part.pixels, part.boxes, part.classes, share))
        loss, gradients = self._gradients(*tensors)
        return loss, gradients

    def _gradients_of(self, pixels: Any, boxes: Any, classes: Any, share: Any) -> Any:
        images = tf.cast(pixels, tf.float32) / 255.0
        numbers, size = tf.range(tf.shape(pixels)[0]), tf.shape(pixels)[1:3]
        images = tf.image.crop_and_resize(images, boxes, numbers, size)
        with tf.GradientTape() as tape:
            features = self._module.features(images, training=True)
            logits = features @ self._kernel + self._bias
            losses = tf.nn.softmax_cross_entropy_with_logits(self._wanted(classes), logits)
            loss = share * (tf.reduce_mean(losses) + self._module.regularization_loss())
        unconnected = tf.UnconnectedGradients.ZERO
        return loss, tape.gradient(loss, self._trained, unconnected_gradients=unconnected)

    def _wanted(self, classes: Any) -> Any:
        n_labels = len(self._labels)
        certain = tf.one_hot(classes, n_labels, 1 - LABEL_SMOOTHING, 0.0)
        return certain + LABEL_SMOOTHING / n_labels

    def _apply_to_weights(self, gradients: list[Any]) -> None:
        self._optimizer.apply_gradients(zip(gradients, self._trained, strict=True))
