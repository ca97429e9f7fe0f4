from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lookalike.errors import InvalidSetting
from lookalike_worker.commands import app
from lookalike_worker.modules.entries import entries
from lookalike_worker.modules.record import RECORD
from tests.unit.worker.modules.small_modules import FakeSource, add


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "encoders"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_an_empty_cache_says_how_to_fill_it(cache: Path) -> None:
    assert "lookalike encoder add SOURCE" in call("list").output


def test_the_list_tells_what_each_encoder_is(cache: Path) -> None:
    entry = add(cache)
    output = call("list").output
    told = (entry.name, entry.record.space().name, "32", "trained", "somewhere")
    assert all(text in output for text in told)


def test_the_list_can_be_read_by_programs(cache: Path) -> None:
    names = [add(cache).name, add(cache, FakeSource(b"other", source="there")).name]
    rows = [json.loads(line) for line in call("list", "--json").output.splitlines()]
    assert [row["name"] for row in rows] == sorted(names)
    assert rows[0].keys() >= {"space", "dimensions", "input_size", "trained", "has_labels"}


def test_an_entry_that_cannot_be_read_is_told_and_can_be_removed(cache: Path) -> None:
    entry = add(cache)
    (entry.directory / RECORD).write_text("{")
    assert f"{entry.name} is damaged or of another release" in call("list").output
    call("remove", entry.name)
    assert not entry.directory.exists()


def test_an_encoder_is_removed_by_name(cache: Path) -> None:
    entry = add(cache)
    assert f"Removed {entry.name}" in call("remove", "small").output
    assert entries(cache) == []


@pytest.mark.parametrize("command", ["remove", "verify"])
def test_an_unknown_name_is_refused_with_those_there_are(cache: Path, command: str) -> None:
    entry = add(cache)
    with pytest.raises(InvalidSetting, match=entry.name):
        call(command, "large")


def test_verifying_a_damaged_encoder_ends_with_status_2(cache: Path) -> None:
    entry = add(cache)
    (entry.directory / "saved_model.pb").write_bytes(b"?")
    result = call("verify")
    assert result.exit_code == 2
    assert "lookalike encoder add somewhere" in result.output


def test_lookalike_encoder_passes_everything_on(cache: Path) -> None:
    command = [sys.executable, "-m", "lookalike.cli", "encoder"]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "lookalike encoder" in helped.stdout
    assert all(name in helped.stdout for name in ("list", "add", "verify", "remove"))
    failed = subprocess.run(
        [*command, "remove", "large"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("InvalidSetting: no encoder in the cache is called 'large'")
