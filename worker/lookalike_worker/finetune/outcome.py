"""What a finished run brought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lookalike_worker.finetune.head import Examples, accuracy, logits_of
from lookalike_worker.finetune.neighbours import nearest_neighbour_accuracy
from lookalike_worker.finetune.progress import Progress
from lookalike_worker.graphs.head import Head


@dataclass(frozen=True, slots=True)
class Judgement:
    """Shares of the validation pictures that are right.

    `head`: by the head's likeliest label. `nearest`: by the class of the
    nearest training picture, by cosine.
    """

    head: float
    nearest: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run; `directory` holds the new module, with its head and label.

    `at_once` is how many images were on the device at a time in the end.
    """

    directory: Path
    encoder: str
    before: Judgement
    after: Judgement
    progress: Progress
    n_training: int
    n_validation: int
    at_once: int

    @property
    def is_new_space(self) -> bool:
        """Whether the features are others than before; not if training gained nothing."""
        return self.progress.best > 0

    @property
    def images_per_s(self) -> float:
        """Training pictures a second, the median of all epochs; 0 where there was none."""
        rates = sorted(epoch.images_per_s for epoch in self.progress.epochs if epoch.number)
        return rates[len(rates) // 2] if rates else 0.0


def judge(head: Head, training: Examples, validation: Examples) -> Judgement:
    """Judge features and head by the validation pictures."""
    return Judgement(
        accuracy(logits_of(head, validation.features), validation.classes),
        nearest_neighbour_accuracy(validation, training),
    )
