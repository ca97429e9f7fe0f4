"""Image references and keys."""

import os
from pathlib import Path

import pytest

from lookalike.errors import ReferenceInvalid
from lookalike.images import (
    MAX_REFERENCE_BYTES,
    ImageKey,
    ImageRef,
    Source,
    are_plain_urls,
    find_images,
)


def test_a_path_becomes_an_absolute_file_reference() -> None:
    ref = ImageRef.parse("a folder/ä?#%.jpg")
    assert ref.source is Source.FILE
    assert ref.path == Path.cwd() / "a folder/ä?#%.jpg"


def test_a_file_name_that_is_no_utf8_is_kept() -> None:
    path = Path(os.fsdecode(b"/pictures/caf\xe9.jpg"))
    assert ImageRef.of_path(path).path == path


def test_a_url_stays_as_it_is() -> None:
    assert ImageRef.parse("https://example.org/a.jpg?b=c").text == "https://example.org/a.jpg?b=c"
    assert ImageRef.parse("HTTP://example.org/a").source is Source.HTTP


def test_an_upload_is_named_by_its_key() -> None:
    key = ImageKey.of(b"bytes")
    assert ImageRef.of_upload(key).upload_key == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "a\0b",
        "ftp://example.org/a.jpg",
        "https://",
        "http://[bad",
        "http://h:x/",
        "é" * 3000,
    ],
)
def test_what_is_no_reference_is_refused_with_a_next_move(text: str) -> None:
    with pytest.raises(ReferenceInvalid):
        ImageRef.parse(text)


def test_a_malformed_upload_key_is_refused() -> None:
    with pytest.raises(ReferenceInvalid, match="64 hexadecimal digits"):
        _ = ImageRef("upload:abc").upload_key


def test_a_folder_gives_its_pictures_in_order_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "sub/c.webp", ".git/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    assert found == ["a.png", "b.JPG", "sub/c.webp"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["https://a.example/1.jpg", "http://b"], True),
        (["https://a.example/1.jpg", "photo.jpg"], False),
        (["https://a.example/ü.jpg"], False),
        (["https://a.example/1.jpg\nhttps://a.example/2.jpg"], False),
        (["https://a.example/" + "x" * MAX_REFERENCE_BYTES], False),
        (["https://user:password@a.example/1.jpg"], False),
    ],
)
def test_plain_urls_are_told_from_what_wants_a_closer_look(
    texts: list[str], expected: bool
) -> None:
    assert are_plain_urls(texts) is expected
