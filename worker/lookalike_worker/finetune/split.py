"""Which pictures are trained on and which ones judge: the same on every machine."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import TrainingSetUnusable

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of pictures, each in one part only; every class is in both."""

    training: Indices
    validation: Indices


def split(names: Sequence[str], labels: Sequence[str], *, validation: float, seed: int) -> Split:
    """Set aside a share of every class, at least one picture of it, chosen by a hash of the name.

    `labels[i]` is the class of `names[i]`. Raises TrainingSetUnusable where
    a class has fewer than two pictures.
    """
    _check(labels)
    by_class: dict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(names)), key=lambda i: _rank(names[i], seed)):
        by_class[labels[index]].append(index)
    judges: list[int] = []
    for members in by_class.values():
        n = min(max(round(len(members) * validation), 1), len(members) - 1)
        judges.extend(members[:n])
    rest = sorted(set(range(len(names))) - set(judges))
    return Split(np.array(rest, np.int64), np.array(sorted(judges), np.int64))


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()


def _check(labels: Sequence[str]) -> None:
    scarce = [label for label, n in Counter(labels).items() if n < 2]
    if scarce:
        raise TrainingSetUnusable(
            f"{len(scarce)} classes have one readable picture only ({', '.join(scarce[:5])}); "
            "expected at least two, one to train on and one to judge by: add pictures, or move "
            "these folders away",
            value=tuple(scarce),
        )
