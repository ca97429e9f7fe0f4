"""The head: labels from features that do not change."""

from __future__ import annotations

import numpy as np

from lookalike_worker.finetune.head import (
    Examples,
    accuracy,
    logits_of,
    loss_of,
    train_head,
    wanted,
)
from lookalike_worker.finetune.neighbours import nearest_neighbour_accuracy


def clusters(n: int, seed: int) -> Examples:
    """Features of three classes, all >= 0; some dimensions tell, most are noise, one is dead."""
    generator = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    features = generator.random((n, 40), np.float32)
    features[np.arange(n), classes] += 2.0
    features[:, 39] = 0
    return Examples(features, classes)


def test_a_head_learns_classes_that_a_line_divides() -> None:
    head = train_head(clusters(300, 0), clusters(60, 1), ("a", "b", "c"), seed=0)
    unseen = clusters(300, 2)
    assert accuracy(logits_of(head, unseen.features), unseen.classes) > 0.95
    assert head.kernel.dtype == head.bias.dtype == np.float32
    assert head.labels == ("a", "b", "c")


def test_the_same_seed_gives_the_same_head() -> None:
    one, other = (
        train_head(clusters(90, 0), clusters(30, 1), ("a", "b", "c"), seed=5) for _ in range(2)
    )
    np.testing.assert_array_equal(one.kernel, other.kernel)


def test_the_loss_of_no_knowledge_is_that_of_a_die() -> None:
    logits = np.full((4, 6), 1000, np.float32)
    np.testing.assert_allclose(loss_of(logits, np.zeros(4, np.int64)), np.log(6), rtol=1e-6)


def test_the_nearest_neighbour_is_by_direction() -> None:
    stored = Examples(np.array([[9, 0], [0, 0.1]], np.float32), np.array([0, 1]))
    queries = Examples(np.array([[0.1, 1], [5, 1], [1, 1.1]], np.float32), np.array([1, 0, 0]))
    assert nearest_neighbour_accuracy(queries, stored) == 2 / 3


def test_smoothed_labels_ask_for_no_certainty() -> None:
    np.testing.assert_allclose(wanted(np.array([1]), 4), [[0.025, 0.925, 0.025, 0.025]])
    sure, surer = (np.array([[0, gap]], np.float32) for gap in (3, 30))
    assert loss_of(sure, np.array([1])) < loss_of(surer, np.array([1]))
