from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import WeightsMissing, WrongFeatureSpace
from lookalike.features import Tag
from lookalike_worker.graphs.head import Head, labels_for, load_head, read_labels, save_head

KERNEL = np.array([[1, 0, 0], [0, 2, 0]], np.float32)


def head(*labels: str) -> Head:
    return Head(KERNEL, np.array([0, 0, -1], np.float32), labels or ("cat", "dog", "tree"))


def names(tags: tuple[Tag, ...]) -> list[str]:
    return [tag.label for tag in tags]


def test_tags_are_the_softmax_of_features_times_kernel_plus_bias() -> None:
    both, dog = head().tags(np.array([[1, 1], [0, 9]], np.float32), top=3, least_probability=0)
    powers = np.exp([2, 1, -1])
    assert names(both) == ["dog", "cat", "tree"]
    assert names(dog)[0] == "dog"
    np.testing.assert_allclose([tag.probability for tag in both], powers / powers.sum(), rtol=1e-6)


def test_tags_are_no_more_than_asked_for_and_none_is_less_likely_than_asked_for() -> None:
    features = np.array([[1, 1]], np.float32)
    assert names(head().tags(features, 1, 0)[0]) == ["dog"]
    assert names(head().tags(features, 3, 0.2)[0]) == ["dog", "cat"]
    assert head().tags(features, 0, 0) == [()]


def test_classes_with_the_same_label_are_one_tag_with_their_probabilities_together() -> None:
    # ImageNet has two classes "crane", a bird and a machine.
    (tags,) = head("crane", "dog", "crane").tags(np.array([[1, 0]], np.float32), 3, 0)
    powers = np.exp([1, 0, -1])
    assert names(tags) == ["crane", "dog"]
    assert tags[0].probability == pytest.approx((powers[0] + powers[2]) / powers.sum())


def test_large_logits_do_not_overflow() -> None:
    assert head().tags(np.array([[1e4, 1e4]], np.float32), 1, 0.5) == [(Tag("dog", 1.0),)]


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(WrongFeatureSpace, match=r"shape \(1, 3\) were given; expected \(n, 2\)"):
        head().tags(np.ones((1, 3), np.float32), 1, 0)


def test_a_head_whose_parts_do_not_fit_is_refused() -> None:
    with pytest.raises(WeightsMissing, match="2 labels"):
        head("cat", "dog")


def test_a_head_is_read_as_it_was_saved(tmp_path: Path) -> None:
    save_head(head("Kätzchen", "dog", "tree"), tmp_path)
    loaded = load_head(tmp_path)
    assert loaded is not None
    assert loaded.labels == ("Kätzchen", "dog", "tree")
    np.testing.assert_array_equal(loaded.kernel, KERNEL)


def test_a_module_without_a_head_has_none(tmp_path: Path) -> None:
    assert load_head(tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_a_damaged_head_is_missing_weights(tmp_path: Path, damage: bytes) -> None:
    save_head(head(), tmp_path)
    (tmp_path / "assets.extra" / "head.npz").write_bytes(damage)
    with pytest.raises(WeightsMissing, match="add the module's source again"):
        load_head(tmp_path)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["a", "b", "c"], ("a", "b", "c")),
        (["a", "b"], ("background", "a", "b")),
        (["Background", "a", "b", "c"], ("a", "b", "c")),
        ([], ("0", "1", "2")),
        (["a\0b", " c  d ", "e"], ("a b", "c d", "e")),
    ],
)
def test_labels_fit_classes_with_or_without_the_background(
    names: list[str], labels: tuple[str, ...]
) -> None:
    assert labels_for(3, names) == labels


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d"], ["a"] * 9])
def test_labels_that_do_not_fit_are_refused(names: list[str]) -> None:
    with pytest.raises(WeightsMissing, match=f"{len(names)} labels were given for 3 classes"):
        labels_for(3, names)


def test_a_labels_file_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufefftench\r\ngrand piano\r\n\r\n".encode())
    assert read_labels(tmp_path / "labels.txt") == ["tench", "grand piano"]


def test_a_labels_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(WeightsMissing, match="expected a text file in UTF-8"):
        read_labels(tmp_path / "labels.txt")
