"""Which files the operator's folders let be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.sources.file_roots import resolved_roots, root_of


@pytest.mark.parametrize(
    ("path", "roots", "root"),
    [
        ("/a/b.jpg", ["/a"], "/a"),
        ("/a/b.jpg", ["/c", "/a", "/"], "/a"),
        ("/a/b.jpg", ["/"], "/"),
        ("/dev/shm/a.jpg", ["/", "/dev/shm"], "/dev/shm"),
        ("/proc.jpg", ["/"], "/"),
    ],
)
def test_a_file_belongs_to_the_first_root_above_it(path: str, roots: list[str], root: str) -> None:
    assert root_of(Path(path), map(Path, roots)) == Path(root)


@pytest.mark.parametrize(
    ("path", "roots"),
    [
        ("/a/b.jpg", []),
        ("/ab/c.jpg", ["/a"]),
        ("/a", ["/a/b"]),
        ("/proc/self/environ", ["/"]),
        ("/dev/zero", ["/", "/dev/shm"]),
        ("/sys/kernel/notes", ["/proc", "/"]),
    ],
)
def test_other_files_have_none(path: str, roots: list[str]) -> None:
    assert root_of(Path(path), map(Path, roots)) is None


def test_roots_are_absolute_and_no_links(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert resolved_roots([tmp_path / "link", Path("~")]) == (
        tmp_path.resolve() / "folder",
        Path.home().resolve(),
    )
