"""`lookalike index`, `lookalike recall` and `lookalike upkeep` as an operator sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.database import transaction
from lookalike.errors import Rejected, Unavailable
from lookalike.indexes import BuildStep
from lookalike.indexes.alone import alone
from lookalike.status.metrics import BacklogCollector
from tests.integration.installation import Installation
from tests.integration.test_indexes import add, clustered

N = 400


@pytest.fixture(scope="module")
def filled(module_database_url: str) -> Iterator[Installation]:
    installation = Installation.on(module_database_url)
    add(installation, clustered(N), "first")
    yield installation
    installation.close()


@pytest.fixture
def house(
    filled: Installation, module_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    yield filled
    filled.client.indexes.drop("default")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def status() -> list[dict[str, object]]:
    return [json.loads(line) for line in run("index", "status", "--json")[1].splitlines()]


def test_an_index_is_built_measured_and_not_built_twice(house: Installation) -> None:
    code, said = run("index", "build", "default")
    assert code == 0
    assert "bits 2016 long serves." in said
    assert "recall@10" in said
    assert "serves already" in run("index", "build", "default")[1]
    (one,) = status()
    assert (one["state"], one["n_rows"], one["recall_target"]) == ("serving", N, 0.99)


def test_the_status_tells_sizes_recall_and_drift(house: Installation) -> None:
    assert "no index" in run("index", "status")[1]
    run("index", "build", "default", "--recipe", "pca")
    (one,) = house.client.indexes.status()
    assert one.index_bytes > N * 2 * 96
    assert one.keys_bytes > N * 2 * 96
    assert one.features_bytes > N * 2 * 4032
    assert one.size_ratio is not None
    assert one.size_ratio > 3
    assert one.captured_ratio == pytest.approx(1, abs=0.02)
    code, said = run("index", "status", "default")
    assert code == 0
    assert "captures" in said
    assert "of 0.99" in said


def test_a_rebuild_may_be_of_another_recipe(house: Installation) -> None:
    run("index", "build", "default", "--target", "0")
    (before,) = status()
    assert before["recall"] is None
    run("index", "rebuild", "default", "--recipe", "pca", "--dimensions", "64", "--target", "0")
    (after,) = status()
    assert (after["recipe"], after["dimensions"], after["state"]) == ("pca", 64, "serving")
    assert after["id"] != before["id"]


def test_ctrl_c_leaves_what_is_done_and_another_run_goes_on(house: Installation) -> None:
    def interrupt(step: BuildStep) -> None:
        if step.name == "keys":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.client.indexes.build("default", watch=interrupt)
    (begun,) = status()
    assert (begun["state"], begun["phase"], begun["progress"]) == ("filling", "keys", 1)
    assert "filling" in run("index", "status")[1]
    run("index", "build", "default")
    (built,) = status()
    assert (built["id"], built["state"]) == (begun["id"], "serving")


def test_another_recipe_gives_up_what_was_broken_off(house: Installation) -> None:
    class Broken(Exception):
        pass

    def break_off(step: BuildStep) -> None:
        if step.name == "keys":
            raise Broken

    with pytest.raises(Broken):
        house.client.indexes.build("default", recipe="bits", watch=break_off)
    house.client.indexes.build("default", recipe="pca")
    assert [(one["recipe"], one["state"]) for one in status()] == [("pca", "serving")]


def test_breaking_off_does_not_wait_for_postgres_to_build(house: Installation) -> None:
    class Broken(Exception):
        pass

    def break_off(step: BuildStep) -> None:
        if step.name == "index":
            raise Broken

    # The statement waits for whoever may still look at what was there before it.
    with house.engine.connect() as opened:
        reader = opened.execution_options(isolation_level="REPEATABLE READ")
        reader.execute(text("SELECT count(*) FROM lookalike.images"))
        with pytest.raises(Broken):
            house.client.indexes.build("default", recipe="pca", watch=break_off)
    (one,) = status()
    assert (one["state"], one["phase"]) == ("building", "broken off, or not begun")
    assert house.client.indexes.build("default").state == "serving"


def test_two_do_not_build_at_once(house: Installation) -> None:
    with alone(house.engine, "lookalike.index", 1) as is_mine:
        assert is_mine
        with pytest.raises(Unavailable, match="another process"):
            house.client.indexes.build("default")


def test_a_drop_asks_first(house: Installation) -> None:
    assert "has no index" in run("index", "drop", "default")[1]
    run("index", "build", "default", "--target", "0")
    assert run("index", "drop", "default")[0] == 1
    assert len(status()) == 1
    assert run("index", "drop", "default", "--yes") == (
        0,
        "1 dropped: searches of default are exact now.\n",
    )
    assert status() == []


def test_recall_without_an_index_is_one(house: Installation) -> None:
    code, said = run("recall", "default", "--queries", "10")
    assert code == 0
    assert "recall@10 is 1" in said
    told = json.loads(run("recall", "default", "--queries", "10", "--json")[1])
    assert (told["recall"], told["index"], told["exact"]["n"]) == (1, None, 10)


def test_recall_shows_the_line_of_efforts_and_plots_it(house: Installation, tmp_path: Path) -> None:
    run("index", "build", "default", "--recipe", "pca", "--target", "0")
    path = tmp_path / "recall.png"
    code, said = run("recall", "default", "--queries", "20", "--tune", "0.9", "--plot", str(path))
    assert code == 0
    assert "ef_search" in said
    assert "serves" in said
    assert "exact," in said
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_recall_below_the_target_is_exit_status_1(house: Installation) -> None:
    run("index", "build", "default", "--target", "0")
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.search_indexes SET recall_target = 1.01"))
    code, said = run("recall", "default", "--queries", "10", "--json")
    assert (code, json.loads(said)["is_enough"]) == (1, False)


def test_an_unknown_recipe_is_refused(house: Installation) -> None:
    with pytest.raises(Rejected, match="auto, pca or bits"):
        run("index", "build", "default", "--recipe", "ivf")


def test_the_metrics_tell_recall_and_size_of_what_serves(house: Installation) -> None:
    registry = CollectorRegistry()
    registry.register(BacklogCollector(house.engine, lease_s=60))
    label = {"collection": "default"}
    assert registry.get_sample_value("lookalike_index_bytes", label) is None
    run("index", "build", "default")
    assert registry.get_sample_value("lookalike_index_recall", label) == pytest.approx(1, abs=0.01)
    assert registry.get_sample_value("lookalike_index_recall_target", label) == pytest.approx(0.99)
    assert (registry.get_sample_value("lookalike_index_bytes", label) or 0) > 50_000
