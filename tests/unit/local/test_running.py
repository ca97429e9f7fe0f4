"""What other commands learn of a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.local.folders import FolderLock
from lookalike.local.running import announce, lock_path, running_environment, withdraw


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[FolderLock]:
    lock = FolderLock(lock_path(tmp_path))
    lock.acquire(0)
    yield lock
    lock.release()


def tell(home: Path) -> None:
    announce(home, database_url="postgresql://d", redis_url="redis://r", api_url="http://a")


def test_a_running_stack_gives_its_urls(tmp_path: Path, lock: FolderLock) -> None:
    tell(tmp_path)
    assert running_environment(tmp_path) == {
        "LOOKALIKE_DATABASE_URL": "postgresql://d",
        "LOOKALIKE_REDIS_URL": "redis://r",
    }


def test_the_passwords_in_it_are_for_the_owner_alone(tmp_path: Path) -> None:
    tell(tmp_path)
    assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600


def test_what_a_killed_stack_left_is_ignored(tmp_path: Path, lock: FolderLock) -> None:
    tell(tmp_path)
    lock.release()
    assert running_environment(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}'])
def test_a_damaged_file_is_ignored(tmp_path: Path, lock: FolderLock, text: str) -> None:
    (tmp_path / "running.json").write_text(text)
    assert running_environment(tmp_path) == {}


def test_a_stack_that_ended_or_never_was_gives_nothing(tmp_path: Path, lock: FolderLock) -> None:
    tell(tmp_path)
    withdraw(tmp_path)
    assert running_environment(tmp_path) == {}
    assert running_environment(tmp_path / "never") == {}
