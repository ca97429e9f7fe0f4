"""How far a run is, and what each epoch brought."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """The outcome of one epoch; losses are means of an image, the accuracy is a share."""

    number: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float
    images_per_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: `epochs` are behind it, `n_steps` of the next one too.

    `loss_sum` adds up the losses of those steps, each times its images;
    `spent_s` the time that they took. Epoch 0 is the frozen encoder with
    its trained head.
    """

    epochs: tuple[Epoch, ...] = ()
    n_steps: int = 0
    loss_sum: float = 0.0
    spent_s: float = 0.0
    best: int = field(default=0)

    def stepped(self, loss_sum: float, spent_s: float) -> Progress:
        """One step further in the epoch."""
        return replace(
            self,
            n_steps=self.n_steps + 1,
            loss_sum=self.loss_sum + loss_sum,
            spent_s=self.spent_s + spent_s,
        )

    def finished(self, epoch: Epoch) -> Progress:
        """At the end of an epoch; it is the best if its validation loss is the least so far."""
        epochs = (*self.epochs, epoch)
        best = min(epochs, key=lambda one: (one.validation_loss, one.number)).number
        return Progress(epochs, best=best)

    def is_over(self, n_epochs: int, patience: int) -> bool:
        """Whether no further epoch is due.

        Patience is counted among the trained epochs: the first ones are often worse than
        epoch 0, until the moving averages of the batch normalisation have followed.
        """
        trained = self.epochs[1:]
        if not trained:
            return False
        best = min(trained, key=lambda one: one.validation_loss)
        return len(trained) >= n_epochs or trained[-1].number - best.number >= patience

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Progress:
        content: dict[str, Any] = json.loads(text)
        epochs = tuple(Epoch(**epoch) for epoch in content.pop("epochs"))
        return cls(epochs, **content)
