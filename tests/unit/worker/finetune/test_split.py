"""The split: the same everywhere, every class on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import TrainingSetUnusable
from lookalike_worker.finetune.split import Split, split

NAMES = [f"{label}/{number}.jpg" for label in "abc" for number in range(10)]
LABELS = [name[0] for name in NAMES]


def parts(seed: int = 0, validation: float = 0.2) -> Split:
    return split(NAMES, LABELS, validation=validation, seed=seed)


def test_each_picture_is_in_one_part() -> None:
    both = parts()
    assert sorted([*both.training, *both.validation]) == list(range(30))


def test_each_class_gives_its_share() -> None:
    assert [LABELS[i] for i in parts().validation] == list("aabbcc")


@pytest.mark.parametrize("validation", [0.01, 0.9])
def test_each_class_is_on_both_sides_whatever_the_share(validation: float) -> None:
    both = parts(validation=validation)
    assert {LABELS[i] for i in both.training} == {LABELS[i] for i in both.validation} == set("abc")


def test_the_seed_alone_decides() -> None:
    np.testing.assert_array_equal(parts(seed=1).validation, parts(seed=1).validation)
    assert list(parts(seed=1).validation) != list(parts(seed=2).validation)


def test_the_order_of_the_pictures_does_not_matter() -> None:
    turned = split(NAMES[::-1], LABELS[::-1], validation=0.2, seed=0)
    assert {NAMES[::-1][i] for i in turned.validation} == {NAMES[i] for i in parts().validation}


def test_a_class_with_one_picture_is_named() -> None:
    with pytest.raises(TrainingSetUnusable, match=r"1 classes .* \(rare\)"):
        split(["a/1", "a/2", "rare/1"], ["a", "a", "rare"], validation=0.2, seed=0)
