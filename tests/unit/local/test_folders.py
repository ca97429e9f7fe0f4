"""Locks, folders and files of the all-in-one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.local.folders import FolderLock, is_locked, make_folder, write_file


def test_a_lock_is_had_once_until_it_is_released(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert first.acquire(0)
    assert not second.acquire(0)
    first.release()
    assert second.acquire(0)
    second.release()


def test_asking_whether_a_lock_is_held_does_not_take_it(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")
    assert lock.acquire(0)
    assert is_locked(tmp_path / "lock")
    lock.release()
    assert not is_locked(tmp_path / "lock")


def test_new_folders_can_be_passed_through_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o711}


def test_existing_folders_keep_their_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    make_folder(tmp_path / "a")
    make_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a longer old text")
    write_file(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path / "file", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
