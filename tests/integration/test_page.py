"""The page and its thumbnails over HTTP; what a browser makes of them is in tests/browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.serving import serving

JPEG = b"\xff\xd8\xff a small picture"


@pytest.fixture
def http(database_url: str) -> Iterator[httpx.Client]:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_KEYS": "off"})
    with serving(create_app(settings)) as client:
        yield client


@pytest.fixture
def image_id(database_url: str) -> int:
    """An image with a thumbnail."""
    with Lookalike(database_url) as client:
        image_id = client.add("https://images.example/1.jpg").image_id
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO lookalike.thumbnails (image_id, data) VALUES (:id, :data)"),
            {"id": image_id, "data": JPEG},
        )
    engine.dispose()
    return image_id


def test_the_page_is_served_and_lets_nothing_else_in(http: httpx.Client) -> None:
    answer = http.get("/?view=queue")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>lookalike</title>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/page/script/main.js", "/page/style/base.css"])
def test_a_file_that_a_browser_has_is_not_sent_again(http: httpx.Client, path: str) -> None:
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert http.head(path).headers["content-length"] == str(len(first.content))


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/script",
        "/page/../serving.py",
        "/page/%2e%2e/serving.py",
        "/page/..%2fserving.py",
        "/page/%2e%2e%2f%2e%2e%2fapp.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/script/main.js%00.css",
        "/page/..%5cserving.py",
        "/page/__init__.py",
    ],
)
def test_no_path_leads_out_of_the_page(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_thumbnail_is_sent_once(http: httpx.Client, image_id: int) -> None:
    first = http.get(f"/v1/images/{image_id}/thumbnail")
    assert (first.headers["content-type"], first.content) == ("image/jpeg", JPEG)
    assert "private" in first.headers["cache-control"]
    again = http.get(
        f"/v1/images/{image_id}/thumbnail", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_an_image_without_a_thumbnail_is_a_problem(http: httpx.Client) -> None:
    added = http.post("/v1/images", json={"reference": "https://images.example/2.jpg"}).json()
    for image_id, title in ((added["image_id"], "Not Found"), (99, "UnknownImage")):
        answer = http.get(f"/v1/images/{image_id}/thumbnail")
        assert (answer.status_code, answer.json()["title"]) == (404, title)
        assert answer.headers["content-type"] == "application/problem+json"
