"""The judge of the benchmark of a change: no answer of two spaces passes for one of one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.reembed.answers import Answer, Truth
from lookalike.features import Neighbour

IDS = np.arange(10, 60)


def truth(space: str, *, seed: int) -> Truth:
    rows = np.random.default_rng(seed).standard_normal((50, 16)).astype(np.float32)
    return Truth(space, IDS, rows / np.linalg.norm(rows, axis=1, keepdims=True))


OLD, NEW = truth("old", seed=1), truth("new", seed=2)


def nearest(space: Truth, image_id: int, k: int = 5) -> list[Neighbour]:
    distances = 1 - space.unit @ space.features(image_id)
    order = [i for i in np.argsort(distances) if IDS[i] != image_id][:k]
    return [Neighbour(int(IDS[i]), "", float(distances[i]), {}) for i in order]


def judged(found: list[Neighbour], image_id: int = 20) -> str | None:
    return Answer(0, 1, found, image_id=image_id).space([OLD, NEW])


@pytest.mark.parametrize("space", [OLD, NEW])
def test_an_exact_answer_is_of_its_space(space: Truth) -> None:
    assert judged(nearest(space, 20)) == space.space


def test_an_answer_out_of_two_spaces_is_of_none() -> None:
    both = nearest(OLD, 20)[:3] + nearest(NEW, 20)[:2]
    assert judged(sorted(both, key=lambda n: n.distance)) is None


def test_neighbours_of_one_space_at_distances_of_the_other_are_of_none() -> None:
    pairs = zip(nearest(OLD, 20), nearest(NEW, 20), strict=True)
    assert judged([Neighbour(a.image_id, "", b.distance, {}) for a, b in pairs]) is None


def test_an_answer_that_misses_a_neighbour_is_of_none() -> None:
    assert judged(nearest(OLD, 20, k=6)[1:]) is None


def test_an_answer_of_the_space_that_may_not_answer_is_of_none() -> None:
    features = {"old": OLD.features(20), "new": NEW.features(20)}
    k_nearest = [Neighbour(20, "", 0.0, {}), *nearest(OLD, 20, k=4)]
    answer = Answer(0, 1, k_nearest, features=features, only="new")
    assert answer.space([OLD, NEW]) is None
    assert Answer(0, 1, k_nearest, features=features, only="old").space([OLD, NEW]) == "old"
