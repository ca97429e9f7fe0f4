"""A module's head: what turns features into labels with probabilities, in NumPy alone.

It lies beside the graph, never in it: every runtime's features give the same tags.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing, WrongFeatureSpace
from lookalike.features import Features, Tag

WEIGHTS = Path("assets.extra", "head.npz")
LABELS = Path("assets.extra", "labels.txt")

# What slim's class 0 stands for: 1,000 labels then belong to 1,001 classes.
BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Head:
    """A dense softmax layer: kernel (dimensions, classes), bias (classes,), both float32."""

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse parts that do not fit each other: WeightsMissing."""
        shapes = (self.kernel.shape, self.bias.shape, len(self.labels))
        n_classes = len(self.labels)
        if self.kernel.ndim != 2 or shapes[0][1] != n_classes or shapes[1] != (n_classes,):
            raise WeightsMissing(
                f"the head has a kernel of shape {shapes[0]}, a bias of shape {shapes[1]} and "
                f"{n_classes} labels; expected (dimensions, classes), (classes,) and as many "
                "labels: take them from one source",
                value=shapes,
            )

    def tags(self, features: Features, top: int, least_probability: float) -> list[tuple[Tag, ...]]:
        """The labels of each image, by its features, shape (n, dimensions), the likeliest first.

        At most `top` of them, none below `least_probability`; classes with
        the same label are one. Raises WrongFeatureSpace for features of
        another length.
        """
        if features.ndim != 2 or features.shape[1] != len(self.kernel):
            raise WrongFeatureSpace(
                f"features of shape {features.shape} were given; expected (n, {len(self.kernel)}), "
                "as this head was trained on: use the encoder that it came with",
                value=features.shape,
            )
        by_class = softmax(features.astype(np.float32) @ self.kernel + self.bias)
        labels, of_class = np.unique(self.labels, return_inverse=True)
        by_label = np.zeros((len(labels), len(features)), np.float32)
        np.add.at(by_label, of_class, by_class.T)
        probabilities = by_label.T
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, : max(top, 0)]
        return [
            tuple(
                Tag(str(labels[index]), min(1.0, float(row[index])))
                for index in likeliest
                if row[index] >= least_probability
            )
            for row, likeliest in zip(probabilities, order, strict=True)
        ]


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities along the last axis; logits of any size, since the largest is taken off."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: npt.NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def labels_for(n_classes: int, names: Sequence[str]) -> tuple[str, ...]:
    """One label for each class, whether or not either side counts slim's background class.

    As many names as classes: as they are. One name fewer: class 0 is
    `background`. One more, the first of which is `background`: without
    that. No names at all: the classes' numbers. Else WeightsMissing.
    """
    # Not even NUL, which a database cannot hold, is left.
    names = [" ".join(name.replace("\0", " ").split()) for name in names]
    if not names:
        return tuple(str(number) for number in range(n_classes))
    if len(names) == n_classes:
        return tuple(names)
    if len(names) == n_classes - 1:
        return (BACKGROUND, *names)
    if len(names) == n_classes + 1 and names[0].lower() == BACKGROUND:
        return tuple(names[1:])
    raise WeightsMissing(
        f"{len(names)} labels were given for {n_classes} classes; expected {n_classes}, or "
        f"{n_classes - 1} without the background class: give the labels of this classifier",
        value=len(names),
    )


def read_labels(path: Path) -> list[str]:
    """The lines of a UTF-8 labels file, without empty ones at its end; raises WeightsMissing."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsMissing(
            f"the labels in {path} cannot be read ({error}); expected a text file in UTF-8 with "
            "one label a line",
            value=str(path),
        ) from error


def save_head(head: Head, directory: Path) -> None:
    """Put the head into a module's folder, over one that is there."""
    (directory / WEIGHTS).parent.mkdir(parents=True, exist_ok=True)
    np.savez(directory / WEIGHTS, kernel=head.kernel, bias=head.bias)
    text = "".join(f"{label}\n" for label in head.labels)
    (directory / LABELS).write_text(text, encoding="utf-8")


def load_head(directory: Path) -> Head | None:
    """Give the head of a module's folder, or None where it has none.

    Raises WeightsMissing if it is damaged, or its labels do not fit.
    """
    path = directory / WEIGHTS
    if not path.is_file():
        return None
    try:
        # Opened here: where the archive is damaged, np.load leaves its own file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            kernel = np.asarray(arrays["kernel"], np.float32)
            bias = np.asarray(arrays["bias"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsMissing(
            f"the head in {path} cannot be read ({error}); expected kernel and bias: add the "
            "module's source again",
            value=str(path),
        ) from error
    names = read_labels(directory / LABELS) if (directory / LABELS).is_file() else []
    return Head(kernel, bias, labels_for(len(bias), names))
