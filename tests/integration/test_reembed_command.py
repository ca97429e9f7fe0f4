"""`lookalike reembed`, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.errors import Rejected
from tests.integration.two_spaces import NEW, OLD, TwoSpaces, two_spaces


@pytest.fixture
def both(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSpaces]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    with two_spaces(database_url, map(str, range(40))) as spaces:
        yield spaces


def reembed(*options: str) -> str:
    result = CliRunner().invoke(app, ["reembed", "default", *options])
    if result.exception is not None:
        raise result.exception
    return result.output


def measure(both: TwoSpaces) -> None:
    for _ in range(2):
        both.reembedding.enqueue_sample("green")
        both.work(NEW)


def test_a_change_from_its_estimate_to_its_end(both: TwoSpaces) -> None:
    measure(both)
    begun = reembed("--encoder", "green", "--yes", "--no-wait", "--price-per-hour", "2")
    assert "40 images are to be embedded in green@" in begun
    assert "at that price" in begun
    assert "0 of 40 images" in reembed()
    (collection,) = both.client.status().collections
    assert (collection.space, collection.other_space) == (OLD.name, NEW.name)
    both.fill()
    assert "40 of 40 images (100.0%)" in reembed()
    assert f"{NEW.name} serves" in reembed("--flip")
    both.add(["after"])
    both.work(NEW)
    back = reembed("--rollback")
    assert f"{OLD.name} serves" in back
    assert f"{OLD.name} lacks 1 images" in back
    reembed("--flip")
    assert "features of 40 images are deleted" in reembed("--drop-old")


def test_the_question_is_asked_before_anything_begins(both: TwoSpaces) -> None:
    measure(both)
    result = CliRunner().invoke(app, ["reembed", "default", "--encoder", "green"], input="n\n")
    assert result.exit_code == 1
    assert both.reembedding.find() is None


def test_watching_ends_when_all_is_filled(both: TwoSpaces) -> None:
    both.reembedding.start("green")
    both.fill()
    assert "Complete" in reembed("--encoder", "green")


def test_a_comparison_is_printed_and_drawn(both: TwoSpaces, tmp_path: Path) -> None:
    both.reembedding.start("green")
    with pytest.raises(Rejected, match="no image has features in both"):
        reembed("--compare")
    both.fill()
    sheet = tmp_path / "sheet.png"
    shown = reembed("--compare", "--sample", "12", "--picture", str(sheet))
    assert "both spaces share" in shown
    assert "pictures cannot be read here" in shown
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_one_step_is_taken_at_a_time(both: TwoSpaces) -> None:
    with pytest.raises(Rejected, match="one at a time"):
        reembed("--flip", "--drop-old")
