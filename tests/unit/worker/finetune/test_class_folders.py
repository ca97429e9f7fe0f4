"""Class folders become labels and pictures, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import TrainingSetUnusable
from lookalike_worker.finetune.class_folders import read_class_folders


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")
    return folder


def test_folders_are_labels_in_alphabetical_order(tmp_path: Path) -> None:
    found = read_class_folders(touch(tmp_path, "milk/2.jpg", "milk/1.png", "juice/deep/1.jpg"))
    assert found.labels == ("juice", "milk")
    assert [(image.path.name, image.label) for image in found.images] == [
        ("1.jpg", 0),
        ("1.png", 1),
        ("2.jpg", 1),
    ]


def test_what_is_no_picture_or_hidden_does_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "a/notes.txt", ".cache/1.jpg", "c/.thumb.jpg", "x.jpg")
    found = read_class_folders(tmp_path)
    assert found.labels == ("a", "b")
    assert len(found.images) == 2


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), "holds no folders"),
        (("1.jpg", "2.jpg"), "holds no folders"),
        (("a/notes.txt",), "hold no pictures"),
        (("a/1.jpg", "a/2.jpg", "b/notes.txt"), "one class only, 'a'"),
    ],
)
def test_too_few_classes_are_refused(tmp_path: Path, names: tuple[str, ...], found: str) -> None:
    with pytest.raises(TrainingSetUnusable, match=found) as raised:
        read_class_folders(touch(tmp_path, *names))
    assert raised.value.value == str(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingSetUnusable, match=r"is no folder; .*: check the path"):
        read_class_folders(tmp_path / "nowhere")


def test_the_digest_tells_other_pictures_apart(tmp_path: Path) -> None:
    before = read_class_folders(touch(tmp_path, "a/1.jpg", "b/1.jpg"))
    assert before.digest == read_class_folders(tmp_path).digest
    touch(tmp_path, "b/2.jpg")
    assert before.digest != read_class_folders(tmp_path).digest
