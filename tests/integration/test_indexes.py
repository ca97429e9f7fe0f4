"""Search indexes: built beside running writers, tuned, and gone without a trace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import text

from lookalike.database import transaction
from lookalike.errors import Rejected
from lookalike.features import Features
from lookalike.indexes import (
    EFFORTS,
    Recipe,
    beginning,
    build_index,
    drop_indexes,
    measure_recall,
    read_indexes,
    tune,
)
from tests.integration.installation import Installation

N = 600


def clustered(n: int, *, seed: int = 0) -> Features:
    """Few directions, as pictures of few things have: float32 of shape (n, 4032), all >= 0."""
    dice = np.random.default_rng(seed)
    things = np.random.default_rng(99).gamma(0.5, 1.0, (40, 4032))
    return (things[dice.integers(0, 40, n)] * dice.uniform(0.6, 1.4, (n, 4032))).astype(np.float32)


@pytest.fixture(scope="module")
def filled(module_database_url: str) -> Iterator[Installation]:
    installation = Installation.on(module_database_url)
    add(installation, clustered(N), "first")
    yield installation
    installation.close()


@pytest.fixture
def house(filled: Installation) -> Iterator[Installation]:
    yield filled
    drop_indexes(filled.engine, 1, filled.space_id)


def add(house: Installation, features: Features, name: str) -> None:
    list(
        house.client.add_many([f"https://example.org/{name}/{i}.jpg" for i in range(len(features))])
    )
    house.embed(features)


def count(house: Installation, what: str) -> int:
    with transaction(house.engine) as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {what}")) or 0)


def way(house: Installation, arguments: str = "17") -> str:
    with transaction(house.engine) as connection:
        rows = connection.scalars(text(f"SELECT lookalike.explain_search({arguments})"))
        return "\n".join(rows)


@pytest.mark.parametrize(("recipe", "least"), [("pca", 0.99), ("bits", 0.95)])
def test_an_index_finds_what_an_exact_search_finds(
    house: Installation, recipe: Recipe, least: float
) -> None:
    index = build_index(house.engine, "default", recipe=recipe)
    assert index.state == "serving"
    assert "Index Scan using keys_" in way(house)
    report = measure_recall(house.engine, "default", n=50)
    assert report.current.recall >= least


def test_writers_keep_the_keys_up_to_date(house: Installation) -> None:
    index = build_index(house.engine, "default")
    add(house, clustered(20, seed=5), "late")
    assert count(house, f"lookalike.keys_{index.id}") == count(house, "lookalike.features")
    with transaction(house.engine) as connection:
        connection.execute(text("DELETE FROM lookalike.images WHERE reference LIKE '%/late/%'"))
    assert count(house, f"lookalike.keys_{index.id}") == N


def test_a_build_that_was_broken_off_goes_on(house: Installation) -> None:
    class Broken(Exception):
        pass

    def break_off(step: object) -> None:
        if getattr(step, "name", "") == "keys":
            raise Broken

    with pytest.raises(Broken):
        build_index(house.engine, "default", watch=break_off)
    with transaction(house.engine) as connection:
        (begun,) = read_indexes(connection)
    assert (begun.state, begun.filled_to > 0) == ("filling", True)
    assert "exact" in way(house)
    assert build_index(house.engine, "default").id == begun.id


def test_a_new_index_takes_the_place_of_the_one_before(house: Installation) -> None:
    first = build_index(house.engine, "default")
    second = build_index(house.engine, "default", recipe="bits")
    with transaction(house.engine) as connection:
        assert [index.id for index in read_indexes(connection)] == [second.id]
        assert connection.scalar(text(f"SELECT to_regclass('lookalike.keys_{first.id}')")) is None


def test_a_dropped_index_leaves_nothing_behind(house: Installation) -> None:
    index = build_index(house.engine, "default")
    assert drop_indexes(house.engine, index.collection_id, index.space_id) == 1
    assert count(house, f"pg_proc WHERE proname IN ('key_{index.id}', 'search_{index.id}')") == 0
    assert count(house, "lookalike.key_axes") == 0
    assert "exact" in way(house)


def test_tuning_stores_the_fastest_effort_that_reaches_the_target(house: Installation) -> None:
    build_index(house.engine, "default")
    report = measure_recall(house.engine, "default", n=40, efforts=EFFORTS)
    line = report.pareto
    assert [m.recall for m in line] == sorted(m.recall for m in line)
    tuned = tune(house.engine, report, target=0.95)
    with transaction(house.engine) as connection:
        (kept,) = read_indexes(connection)
    assert (kept.ef_search, kept.recall_target) == (tuned.current.effort.ef_search, 0.95)
    assert f"ef_search {kept.ef_search}" in way(house, "17, k => 5")


def test_a_target_out_of_reach_changes_nothing(house: Installation) -> None:
    build_index(house.engine, "default")
    report = measure_recall(house.engine, "default", n=20)
    with pytest.raises(Rejected, match="best measured"):
        tune(house.engine, report, target=1.01)


@pytest.mark.parametrize("share", [2, 10, 100])
def test_a_filter_never_gives_fewer_than_there_are(house: Installation, share: int) -> None:
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.images SET metadata = jsonb_build_object('n', id % :share)"),
            {"share": share},
        )
        connection.execute(text("ANALYZE lookalike.images"))
    build_index(house.engine, "default")
    query = "SELECT image_id FROM nearest_images(17, 10, filter => '{\"n\": 1}', exact => %s)"
    with transaction(house.engine) as connection:
        found = connection.scalars(text(query % "false")).all()
        truth = connection.scalars(text(query % "true")).all()
    assert len(found) == min(10, N // share)
    assert len(set(found) & set(truth)) >= 0.9 * len(truth)


@pytest.mark.parametrize("k", [1, 10, 100, 599, 2000])
def test_any_k_gives_as_many_as_there_are(house: Installation, k: int) -> None:
    build_index(house.engine, "default")
    with transaction(house.engine) as connection:
        n = connection.scalar(text(f"SELECT count(*) FROM nearest_images(17, {k})"))
    assert n == min(k, N - 1)


def test_keys_in_several_tables_are_searched_as_one(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "ROWS_A_PARTITION", 250)
    index = build_index(house.engine, "default", recipe="bits")
    assert index.partitions == 3
    assert all(f"Index Scan using keys_{index.id}_{i}_key_idx" in way(house) for i in range(3))
    assert measure_recall(house.engine, "default", n=30).current.recall >= 0.95
    drop_indexes(house.engine, index.collection_id, index.space_id)
    assert count(house, f"pg_class WHERE relname LIKE 'keys\\_{index.id}%'") == 0


def test_too_few_images_stay_exact(house: Installation) -> None:
    house.client.add("https://example.org/a.jpg", collection="few")
    house.embed(clustered(1))
    with pytest.raises(Rejected, match="as fast"):
        build_index(house.engine, "few")
