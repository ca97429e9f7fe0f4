"""Folders and patterns on this machine; in buckets, where there is a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import FetchFailed, ImageNotFound, ReferenceInvalid
from lookalike.sources.finding import images_in, names_many

FILES = [
    "b.JPG",
    "a.png",
    "notes.txt",
    ".hidden.jpg",
    "sub/c.webp",
    "sub/deep/c.webp",
    "sub/deep/raw",
    ".git/d.jpg",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["a.png", "b.JPG", "sub/c.webp", "sub/deep/c.webp"]),
        ("sub", ["sub/c.webp", "sub/deep/c.webp"]),
        ("a.png", ["a.png"]),
        ("notes.txt", ["notes.txt"]),
        ("*", ["a.png", "b.JPG", "notes.txt"]),
        ("*.png", ["a.png"]),
        ("[ab].*", ["a.png", "b.JPG"]),
        ("*/c.*", ["sub/c.webp"]),
        ("**/c.*", ["sub/c.webp", "sub/deep/c.webp"]),
        ("sub/**", ["sub/c.webp", "sub/deep/c.webp", "sub/deep/raw"]),
        ("sub/**/deep/???", ["sub/deep/raw"]),
        (".*", []),
        ("*.gif", []),
    ],
)
def test_what_matches_is_found_in_order_and_nothing_hidden(
    pattern: str, expected: list[str], folder: Path
) -> None:
    found = [Path(image).relative_to(folder).as_posix() for image in images_in(folder / pattern)]  # type: ignore[arg-type]
    assert found == expected


def test_nothing_is_looked_at_before_it_is_asked_for(folder: Path) -> None:
    found = images_in(folder)
    (folder / "0.jpg").touch()
    assert next(found) == folder / "0.jpg"


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "[2024]").mkdir()
    (tmp_path / "[2024]" / "a.jpg").touch()
    assert list(images_in(tmp_path / "[2024]")) == [tmp_path / "[2024]" / "a.jpg"]


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.jpg"])
def test_a_folder_that_is_not_there_is_an_error(place: str, tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound, match="no folder"):
        list(images_in(tmp_path / place))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://a.example/*.jpg", False),
        ("s3://bucket/a.jpg", False),
        ("s3://bucket/folder/", True),
        ("gs://bucket/**/a.jpg", True),
        ("az://container", True),
        ("{folder}", True),
        ("{folder}/*.jpg", True),
        ("{folder}/a.png", False),
        ("{folder}/none.jpg", False),
    ],
)
def test_a_command_tells_folders_and_patterns_from_images(
    given: str, expected: bool, folder: Path
) -> None:
    assert names_many(given.format(folder=folder)) == expected


def test_a_pattern_in_azure_may_have_what_a_key_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(FetchFailed, match="are its credentials set"):
        next(images_in("az://container/photos/?.jpg"))
    with pytest.raises(ReferenceInvalid):
        next(images_in("az://container/../other/?.jpg"))
