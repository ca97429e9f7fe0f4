"""A collection laid out in a plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lookalike import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.errors import Rejected, UnknownCollection
from lookalike.features import FeatureSpace
from lookalike.maps import (
    CollectionMap,
    make_wanted,
    projecting,
    read_map,
    read_points,
    request_map,
)
from lookalike.maps.projecting import project

SPACE = FeatureSpace("made up", "ab" * 32, 64, trained=False)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def two_groups(n: int) -> np.ndarray:
    """The first half of the rows shows one thing, the second another."""
    random = np.random.default_rng(0)
    centres = random.random((2, SPACE.dimensions), np.float32)
    of = np.arange(n) * 2 // n
    return np.asarray(centres[of] + 0.02 * random.random((n, SPACE.dimensions), np.float32))


@pytest.fixture
def client(database_url: str) -> Iterator[Lookalike]:
    with Lookalike(database_url) as client:
        urls = [f"https://images.example/{i}.jpg" for i in range(100)]
        client.add_features(urls, two_groups(100), SPACE, collection="shop")
        yield client


def wanted(database_url: str) -> list[CollectionMap]:
    engine = open_engine(database_url)
    try:
        return list(make_wanted(engine))
    finally:
        engine.dispose()


def test_images_that_look_alike_lie_together() -> None:
    points = project(two_groups(100))
    assert points.min() >= 0
    assert points.max() <= 1
    first, second = points[:50], points[50:]
    apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert apart > 3 * max(first.std(axis=0).max(), second.std(axis=0).max())
    assert np.array_equal(points, project(two_groups(100)))


@pytest.mark.parametrize("n", [0, 1, 2, 5, 10, 11])
def test_few_images_are_laid_out_too(n: int) -> None:
    points = project(np.random.default_rng(0).random((n, 64), np.float32))
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()


def test_a_map_has_a_point_for_each_image_and_loses_what_is_erased(
    client: Lookalike, database_url: str
) -> None:
    made = client.operator.make_map("shop")
    assert (made.n_points, made.space, made.requested_at) == (100, SPACE.name, None)
    client.operator.erase_images([1, 2])
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        assert [point.image_id for point in read_points(connection, "shop")][:2] == [3, 4]
        assert read_map(connection, "shop").n_points == 98
    engine.dispose()
    client.operator.erase_collection("shop")


def test_a_map_says_how_much_of_the_collection_it_shows(client: Lookalike) -> None:
    urls = [f"https://images.example/few/{i}.jpg" for i in range(6)]
    client.add_features(urls[:4], two_groups(4), SPACE, collection="few")
    client.operator.make_map("few")
    client.add_features(urls[4:], two_groups(2), SPACE, collection="few")
    client.add("https://images.example/waits.jpg", collection="few")
    found = client.catalogue.map("few")
    assert (found.n_points, found.n_images, found.n_added) == (4, 6, 2)
    made = client.operator.make_map("few")
    assert (made.n_points, made.n_images, made.n_added) == (6, 6, 0)


def test_upkeep_makes_what_was_asked_for_once(client: Lookalike, database_url: str) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        request_map(connection, "shop")
        request_map(connection, "shop")
        assert read_map(connection, "shop").requested_at is not None
    engine.dispose()
    assert [made.n_points for made in wanted(database_url)] == [100]
    assert wanted(database_url) == []


def test_a_map_that_cannot_be_made_says_why_and_is_not_tried_again(
    client: Lookalike, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "find_spec", lambda _: None)
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        request_map(connection, "shop")
    assert wanted(database_url) == []
    with transaction(engine) as connection:
        found = read_map(connection, "shop")
    engine.dispose()
    assert found.requested_at is None
    assert "lookalike[map]" in str(found.error)


def test_what_is_not_there_or_empty_has_no_map(database_url: str) -> None:
    with Lookalike(database_url) as client:
        with pytest.raises(UnknownCollection):
            client.operator.make_map("shop")
        client.add("https://images.example/1.jpg", collection="shop")
        with pytest.raises(Rejected):
            client.operator.make_map("shop")
