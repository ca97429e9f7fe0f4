"""Images that are the same, in SQL and in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import psycopg2
import pytest
from typer.testing import CliRunner

from lookalike.calibrating.records import store_calibration
from lookalike.calibrating.thresholds import Thresholds
from lookalike.cli.commands import app
from lookalike.database import transaction
from lookalike.errors import UnknownCollection, UnknownImage
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey
from lookalike.search.duplicates import Tier
from tests.integration.installation import Installation, embedded

SPACE = FeatureSpace("flat", "ab" * 32, 2, trained=False)
# By degrees, and by the letters of their bytes: 1, 2 and 3 are the same file; 4 is an edit of it;
# 5 is like it; 6 and 7 are the same again, and alone.
DEGREES = [0, 0, 0, 2, 20, 80, 80]
BYTES = "aaabcdd"
THRESHOLDS = Thresholds(0.001, 0.1, 50, 10, is_separate=True, share_lost=0.05)


def directions() -> Features:
    angles = np.radians(DEGREES)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def house(module_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    installation = Installation.on(module_database_url, space=SPACE)
    fill(installation, "default")
    yield installation
    installation.empty()
    installation.close()


def fill(house: Installation, collection: str) -> None:
    list(
        house.client.add_many(
            [f"https://example.org/{i}.jpg" for i in range(len(BYTES))], collection=collection
        )
    )
    jobs = zip(house.claim(), directions(), BYTES, strict=True)
    house.commit(
        [replace(embedded(job, row), key=ImageKey.of(letter.encode())) for job, row, letter in jobs]
    )


def calibrate(house: Installation, collection: str = "default") -> None:
    with transaction(house.engine) as connection:
        store_calibration(connection, collection, SPACE.digest, THRESHOLDS)


def pairs(house: Installation, tier: str) -> list[tuple[int, int]]:
    return [(pair.image_id, pair.other_id) for pair in house.client.duplicate_pairs(tier=tier)]


def test_without_a_calibration_identical_images_are_known(house: Installation) -> None:
    found = house.client.duplicates(2)
    assert [(one.image_id, one.tier, one.distance) for one in found] == [
        (1, Tier.IDENTICAL, 0),
        (3, Tier.IDENTICAL, 0),
    ]
    assert not found.is_calibrated


def test_psql_is_told_how_to_calibrate(house: Installation, module_database_url: str) -> None:
    with closing(psycopg2.connect(module_database_url)) as connection:
        connection.cursor().execute("SELECT * FROM duplicate_images(1)")
        assert "lookalike calibrate 'default'" in connection.notices[0]


def test_the_surest_come_first(house: Installation) -> None:
    calibrate(house)
    found = house.client.duplicates(1)
    assert found.is_calibrated
    assert [(one.image_id, one.tier.value) for one in found] == [
        (2, "identical"),
        (3, "identical"),
        (4, "near_duplicate"),
        (5, "similar"),
    ]
    assert found[3].distance == pytest.approx(1 - np.cos(np.radians(20)), abs=1e-3)
    assert [one.image_id for one in house.client.duplicates(1, k=3)] == [2, 3, 4]


def test_another_collection_can_be_asked(house: Installation) -> None:
    fill(house, "other")
    assert [one.image_id for one in house.client.duplicates(1)] == [2, 3]
    found = house.client.duplicates(1, collection="other")
    assert [(one.image_id, one.tier) for one in found] == [
        (image_id, Tier.IDENTICAL) for image_id in (8, 9, 10)
    ]


def test_all_pairs_of_a_collection_are_found_by_tier(house: Installation) -> None:
    fill(house, "other")
    calibrate(house)
    assert pairs(house, "identical") == [(1, 2), (1, 3), (6, 7)]
    assert pairs(house, "near_duplicate") == [(1, 4), (2, 4), (3, 4)]
    assert pairs(house, "similar") == [(1, 5), (2, 5), (3, 5), (4, 5)]


@pytest.mark.parametrize("tier", Tier)
def test_a_walk_in_small_pages_finds_what_one_page_does(house: Installation, tier: Tier) -> None:
    calibrate(house)
    walked, after = [], 0
    while True:
        page = house.client.duplicate_page(tier=tier, after=after, n_images=2)
        walked += page.pairs
        if page.next_after is None:
            break
        after = page.next_after
    assert walked == list(house.client.duplicate_pairs(tier=tier))
    assert walked


def test_more_near_duplicates_than_a_first_look_takes_are_all_found(house: Installation) -> None:
    urls = [f"https://example.org/many/{i}.jpg" for i in range(30)]
    list(house.client.add_many(urls))
    house.embed(np.tile(np.array([[-1, 0]], dtype=np.float32), (30, 1)))
    calibrate(house)
    assert len(house.client.duplicates(8)) == 29
    assert sum(first >= 8 for first, _ in pairs(house, "near_duplicate")) == 30 * 29 // 2


def test_what_is_unknown_is_told(house: Installation) -> None:
    with pytest.raises(UnknownImage):
        house.client.duplicates(99)
    with pytest.raises(UnknownCollection):
        house.client.duplicates(1, collection="nowhere")
    with pytest.raises(UnknownCollection):
        list(house.client.duplicate_pairs("nowhere"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_shows_duplicates_and_pairs(house: Installation) -> None:
    assert "lookalike calibrate" in run("duplicates", "1")
    assert "Nothing is the same as image 4" in run("duplicates", "4")
    calibrate(house)
    assert "near_duplicate" in run("duplicates", "1")
    assert "3 pairs" in run("duplicates", "--collection", "default")
    lines = run("duplicates", "-c", "default", "--tier", "similar", "--json").splitlines()
    assert [json.loads(line)["other_id"] for line in lines] == [5, 5, 5, 5]


def test_the_command_tells_how_many_neighbours_there_are(house: Installation) -> None:
    output = run("search", "--id", "1", "-k", "10", "--threshold", "0.1")
    assert "4 of 10: no more images match." in output
    assert "0 of 10" in run("search", "--id", "1", "--filter", '{"n": 1}')
