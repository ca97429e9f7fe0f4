"""A collection's map over HTTP: asked for, made by upkeep, read in columns."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from lookalike.client import Lookalike
from lookalike.database import open_engine
from lookalike.features import FeatureSpace
from lookalike.maps import make_wanted
from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.serving import serving

SPACE = FeatureSpace("made up", "ab" * 32, 8, trained=False)
MAP = "/v1/map?collection=shoes%2Fred"
POINTS = "/v1/map/points?collection=shoes%2Fred"


@pytest.fixture
def client(database_url: str) -> Iterator[Lookalike]:
    """Six images in a collection whose name has a slash, and an empty collection."""
    with Lookalike(database_url) as client:
        urls = [f"https://images.example/{i}.jpg" for i in range(6)]
        features = np.random.default_rng(0).random((6, SPACE.dimensions), np.float32)
        client.add_features(urls, features, SPACE, collection="shoes/red")
        client.operator.configure("empty")
        yield client


@pytest.fixture
def http(database_url: str, client: Lookalike) -> Iterator[httpx.Client]:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_KEYS": "off"})
    with serving(create_app(settings)) as http:
        yield http


def see_to_maps(database_url: str) -> None:
    engine = open_engine(database_url)
    for _ in make_wanted(engine):
        pass
    engine.dispose()


def test_a_map_is_asked_for_once_and_made_by_upkeep(http: httpx.Client, database_url: str) -> None:
    asked = http.post(MAP)
    assert (asked.status_code, asked.headers["location"]) == (202, MAP)
    assert http.post(MAP).json() == asked.json() == http.get(MAP).json()
    assert (asked.json()["made_at"], asked.json()["n_points"]) == (None, 0)
    assert http.get(POINTS).json() == {"image_ids": [], "xs": [], "ys": []}
    see_to_maps(database_url)
    made = http.get(MAP).json()
    assert (made["requested_at"], made["error"], made["n_points"]) == (None, None, 6)
    assert (made["collection"], made["space"]) == ("shoes/red", SPACE.name)
    assert (made["n_images"], made["n_added"]) == (6, 0)
    assert made["made_at"] is not None


def test_points_come_in_columns_and_only_when_they_have_changed(
    http: httpx.Client, client: Lookalike, database_url: str
) -> None:
    http.post(MAP)
    see_to_maps(database_url)
    first = http.get(POINTS)
    points = first.json()
    assert points["image_ids"] == [1, 2, 3, 4, 5, 6]
    assert min(points["xs"] + points["ys"]) == 0
    assert max(points["xs"] + points["ys"]) == 1
    known = {"If-None-Match": first.headers["etag"]}
    again = http.get(POINTS, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    client.operator.erase_images([1])
    less = http.get(POINTS, headers=known)
    assert (less.status_code, less.json()["image_ids"]) == (200, [2, 3, 4, 5, 6])


def test_a_map_that_came_to_nothing_says_why(http: httpx.Client, database_url: str) -> None:
    assert http.post("/v1/map?collection=empty").status_code == 202
    see_to_maps(database_url)
    found = http.get("/v1/map?collection=empty").json()
    assert found["requested_at"] is None
    assert found["error"]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (MAP, "UnknownMap"),
        ("/v1/map?collection=nothing", "UnknownCollection"),
        ("/v1/map/points?collection=nothing", "UnknownCollection"),
    ],
)
def test_what_is_not_there_is_a_problem(http: httpx.Client, path: str, title: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()["title"]) == (404, title)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["shoes/red/map", "shoes/red/map/points"])
def test_a_collection_may_have_a_name_that_ends_as_a_map(
    http: httpx.Client, client: Lookalike, name: str
) -> None:
    client.operator.configure(name)
    found = http.get(f"/v1/collections/{quote(name, safe='')}").json()
    assert (found["name"], found["n_images"]) == (name, 0)
    assert http.get("/v1/collections/shoes%2Fred").json()["n_images"] == 6


def test_without_a_name_it_is_the_default_collection(http: httpx.Client) -> None:
    http.post("/v1/images", json={"reference": "https://images.example/a.jpg"})
    asked = http.post("/v1/map")
    assert (asked.status_code, asked.json()["collection"]) == (202, "default")
    assert http.get("/v1/map").json() == asked.json()
