"""The training of a dense softmax head on features that do not change, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.features import Features
from lookalike_worker.graphs.head import Head

ClassNumbers = npt.NDArray[np.int64]
"""The number of each picture's class, int64, shape (n,)."""

# Keeps the head from growing without end once every training picture is right.
LABEL_SMOOTHING = 0.1

_EPOCHS = 300
_PATIENCE = 15
_BATCH = 64
_RATE = 3e-3
_DECAY = 1e-2


@dataclass(frozen=True, slots=True)
class Examples:
    """Features, shape (n, dimensions), and the label of each."""

    features: Features
    classes: ClassNumbers


def train_head(
    training: Examples, validation: Examples, labels: tuple[str, ...], *, seed: int
) -> Head:
    """Fit a head by AdamW, until the validation loss has not fallen for a while; keep the best.

    Inside, features are brought to mean 0 and deviation 1, which converges
    many times faster; the head that comes out takes them as they are.
    """
    mean = training.features.mean(0)
    # Dimensions that hardly vary stay small: blown up, they made the first loss with batch
    # statistics 10.6 instead of 2.0, and the encoder's first steps undid its weights.
    deviations = training.features.std(0)
    scale = 1 / np.maximum(deviations, np.float32(deviations.mean() + 1e-12))
    inner, judge = ((part.features - mean) * scale for part in (training, validation))
    generator = np.random.default_rng([seed, 1])
    adam = _Adam(np.zeros((inner.shape[1] + 1, len(labels)), np.float32))
    best, best_loss, best_epoch = adam.weights.copy(), np.inf, 0
    for epoch in range(_EPOCHS):
        for rows in _batches(len(inner), generator):
            adam.step(_gradient(adam.weights, inner[rows], training.classes[rows]))
        loss = loss_of(_logits(adam.weights, judge), validation.classes)
        if loss < best_loss:
            best, best_loss, best_epoch = adam.weights.copy(), loss, epoch
        elif epoch - best_epoch >= _PATIENCE:
            break
    kernel = best[:-1] * scale[:, None]
    bias = best[-1] - mean @ kernel
    return Head(kernel.astype(np.float32), bias.astype(np.float32), labels)


def logits_of(head: Head, features: Features) -> npt.NDArray[np.float32]:
    """What the softmax is taken of, shape (n, labels)."""
    logits: npt.NDArray[np.float32] = features @ head.kernel + head.bias
    return logits


def loss_of(logits: npt.NDArray[np.float32], classes: ClassNumbers) -> float:
    """The mean cross-entropy with smoothed labels: the loss of both phases and of every epoch."""
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-(wanted(classes, logits.shape[1]) * logs).sum(1).mean())


def wanted(classes: ClassNumbers, n_labels: int) -> npt.NDArray[np.float32]:
    """The probabilities that training strives for, shape (n, labels)."""
    shares = np.full((len(classes), n_labels), LABEL_SMOOTHING / n_labels, np.float32)
    shares[np.arange(len(classes)), classes] += 1 - LABEL_SMOOTHING
    return shares


def accuracy(logits: npt.NDArray[np.float32], classes: ClassNumbers) -> float:
    """The share of rows whose largest logit is the right label's."""
    return float((logits.argmax(1) == classes).mean())


class _Adam:
    """AdamW on one array, in place."""

    def __init__(self, weights: npt.NDArray[np.float32]) -> None:
        self.weights = weights
        self._first = np.zeros_like(weights)
        self._second = np.zeros_like(weights)
        self._n_steps = 0

    def step(self, gradient: npt.NDArray[np.float32]) -> None:
        self._n_steps += 1
        self._first += 0.1 * (gradient - self._first)
        self._second += 0.001 * (gradient**2 - self._second)
        first = self._first / (1 - 0.9**self._n_steps)
        second = self._second / (1 - 0.999**self._n_steps)
        self.weights -= _RATE * (first / (np.sqrt(second) + 1e-8) + _DECAY * self.weights)


def _batches(n: int, generator: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    return np.array_split(generator.permutation(n), -(-n // _BATCH))


def _logits(weights: npt.NDArray[np.float32], inner: Features) -> npt.NDArray[np.float32]:
    logits: npt.NDArray[np.float32] = inner @ weights[:-1] + weights[-1]
    return logits


def _gradient(
    weights: npt.NDArray[np.float32], inner: Features, classes: ClassNumbers
) -> npt.NDArray[np.float32]:
    logits = _logits(weights, inner)
    wrong = np.exp(logits - logits.max(1, keepdims=True))
    wrong /= wrong.sum(1, keepdims=True)
    wrong -= wanted(classes, logits.shape[1])
    wrong /= len(classes)
    return np.concatenate([inner.T @ wrong, wrong.sum(0, keepdims=True)])
