"""Over HTTP, files are read only inside the folders that the operator has allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import ReferenceForbidden, ReferenceInvalid
from lookalike_api.references import permitted


def test_a_url_is_permitted_without_any_root() -> None:
    assert permitted("https://images.example/a.jpg", ()).text == "https://images.example/a.jpg"


def test_a_file_inside_a_root_is_permitted(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    assert permitted(file.as_uri(), [tmp_path]).path == file.resolve()


@pytest.mark.parametrize(
    "text",
    ["file:///etc/passwd", "/etc/passwd", "etc/passwd", "file:passwd", "file:///a%00b", "a.jpg"],
)
def test_a_file_outside_the_roots_is_forbidden(text: str, tmp_path: Path) -> None:
    with pytest.raises(ReferenceForbidden, match="LOOKALIKE_FILE_ROOTS"):
        permitted(text, [tmp_path])


@pytest.mark.parametrize("dots", ["/../secret.jpg", "/%2e%2e/secret.jpg"])
def test_dots_do_not_lead_out_of_a_root(dots: str, tmp_path: Path) -> None:
    with pytest.raises(ReferenceForbidden):
        permitted((tmp_path / "root").as_uri() + dots, [tmp_path / "root"])


def test_a_link_does_not_lead_out_of_a_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.jpg").symlink_to("/etc/passwd")
    with pytest.raises(ReferenceForbidden):
        permitted((root / "link.jpg").as_uri(), [root])


def test_an_upload_is_named_by_its_whole_key() -> None:
    with pytest.raises(ReferenceInvalid):
        permitted("upload:beef", ())
