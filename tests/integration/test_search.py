"""Nearest images, in Python and in SQL."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psycopg2
import pytest
from sqlalchemy import text

from lookalike.database import transaction
from lookalike.errors import Rejected, UnknownCollection, UnknownImage, WrongFeatureSpace
from lookalike.features import FeatureSpace
from lookalike.search import QueryFeatures
from tests.integration.installation import SPACE, Installation, random_features

FEATURES = random_features(50)


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    list(installation.client.add_many([f"https://example.org/{i}.jpg" for i in range(50)]))
    installation.embed(FEATURES)
    yield installation
    installation.close()


def exact(query: int) -> list[int]:
    """Rows by exact cosine distance to a row, by NumPy."""
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    return list(np.argsort(-(unit @ unit[query]), kind="stable"))


def number(reference: str) -> int:
    return int(reference.rpartition("/")[2].removesuffix(".jpg"))


def test_neighbours_by_features_are_those_of_an_exact_scan(house: Installation) -> None:
    found = house.client.search(features=QueryFeatures(SPACE, FEATURES[7]), k=10)
    assert [number(n.reference) for n in found] == exact(7)[:10]
    assert found[0].distance == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("length", [1e-6, 1.0, 3e4])
def test_distances_by_features_are_exact_whatever_their_length(
    house: Installation, length: float
) -> None:
    found = house.client.search(features=FEATURES[7] * length, k=50)
    halves = FEATURES.astype(np.float16).astype(np.float64)
    unit = halves / np.linalg.norm(halves, axis=1, keepdims=True)
    distances = 1 - unit @ unit[7]
    # Postgres adds in float32.
    assert [n.distance for n in found] == pytest.approx(
        [distances[number(n.reference)] for n in found], abs=1e-5
    )
    assert found[0].distance == pytest.approx(0, abs=1e-6)


def test_neighbours_of_a_stored_image_leave_itself_out(house: Installation) -> None:
    image_id = house.client.search(features=FEATURES[7], k=1)[0].image_id
    found = house.client.search(image_id=image_id, k=5)
    assert [number(n.reference) for n in found] == exact(7)[1:6]


def test_sql_gives_what_python_gives(house: Installation, database_url: str) -> None:
    image_id = house.client.search(features=FEATURES[3], k=1)[0].image_id
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT image_id, distance FROM nearest_images({image_id}, 4)")
        by_sql = cursor.fetchall()
    connection.close()
    by_python = house.client.search(image_id=image_id, k=4)
    assert by_sql == [(n.image_id, n.distance) for n in by_python]


def test_a_search_without_an_index_explains_itself(house: Installation) -> None:
    with transaction(house.engine) as connection:
        assert connection.scalars(text("SELECT lookalike.explain_search(1)")).all() == [
            "exact: every image"
        ]


def test_stored_features_are_what_the_encoder_gave(house: Installation) -> None:
    image_id = house.client.search(features=FEATURES[3], k=1)[0].image_id
    stored = house.client.features(image_id)
    assert stored.space == SPACE
    np.testing.assert_allclose(stored.features, FEATURES[3], rtol=1e-3)


def test_features_of_another_space_are_refused(house: Installation) -> None:
    foreign = FeatureSpace("other", "cd" * 32, 4032, trained=True)
    with pytest.raises(WrongFeatureSpace, match="other@cdcdcdcdcdcd"):
        house.client.search(features=QueryFeatures(foreign, FEATURES[0]))
    with pytest.raises(WrongFeatureSpace, match="found 100 features"):
        house.client.search(features=FEATURES[0, :100])


def test_unknown_names_and_ids_are_told(house: Installation) -> None:
    with pytest.raises(UnknownCollection, match="the collections are default"):
        house.client.search(features=FEATURES[0], collection="nowhere")
    with pytest.raises(UnknownImage, match="999"):
        house.client.search(image_id=999)
    with pytest.raises(Rejected, match="k = 0"):
        house.client.search(features=FEATURES[0], k=0)


def test_a_collection_is_searched_alone(house: Installation) -> None:
    house.client.add("https://example.org/0.jpg", collection="other")
    house.embed(FEATURES[:1])
    found = house.client.search(features=FEATURES[1], collection="other")
    assert [number(n.reference) for n in found] == [0]


def test_feature_spaces_of_other_dimensions_live_side_by_side(
    house: Installation, database_url: str
) -> None:
    small = FeatureSpace("small", "ef" * 32, 1280, trained=True)
    other = Installation.on(database_url, space=small)
    other.client.add("https://example.org/small.jpg", collection="small")
    other.embed(random_features(1, dimensions=1280))
    found = other.client.search(features=random_features(1, dimensions=1280)[0], collection="small")
    assert len(found) == 1
    assert len(house.client.search(features=FEATURES[0], k=3)) == 3
    other.close()
