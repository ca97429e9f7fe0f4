"""The images of a bucket, listed, added and named on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from lookalike import Lookalike, images_in
from lookalike.cli.commands import app
from lookalike.errors import ImageNotFound
from lookalike.settings import Settings
from tests.s3_host import S3Host, s3_host

KEYS = ["2024/a.jpg", "2024/notes.txt", "2024/new/b.png", "2025/a.jpg", "raw/9f86d0", "top.webp"]
# Odd, and for the worker to judge: the rest of the bucket is found all the same.
ODD = "2025/a?versionId=1.jpg"


@pytest.fixture(scope="module")
def host() -> Iterator[S3Host]:
    with s3_host() as host:
        host.put("photos", dict.fromkeys([*KEYS, ODD, "2024/.thumbs/a.jpg", "2024/new/"], b"image"))
        yield host


@pytest.fixture(autouse=True)
def _credentials(host: S3Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in host.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://photos", ["top.webp", "2024/a.jpg", "2024/new/b.png", "2025/a.jpg", ODD]),
        ("s3://photos/2024", ["2024/a.jpg", "2024/new/b.png"]),
        ("s3://photos/2024/new/", ["2024/new/b.png"]),
        ("S3://photos/*/a.jpg", ["2024/a.jpg", "2025/a.jpg"]),
        ("s3://photos/**/b.*", ["2024/new/b.png"]),
        ("s3://photos/raw/*", ["raw/9f86d0"]),
        ("s3://photos/2024/*.gif", []),
    ],
)
def test_a_bucket_is_listed_as_a_folder_is(place: str, expected: list[str]) -> None:
    assert [str(image) for image in images_in(place)] == [f"s3://photos/{it}" for it in expected]


@pytest.mark.parametrize("place", ["s3://nothing/", "s3://photos/none/"])
def test_nothing_there_is_an_error(place: str) -> None:
    with pytest.raises(ImageNotFound):
        list(images_in(place))


def test_what_is_found_is_added_under_its_name(database_url: str) -> None:
    with Lookalike(database_url, settings=Settings.load({})) as client:
        added = list(client.add_many(images_in("s3://photos/*/a.jpg")))
        stories = [client.why(one.image_id).reference for one in added]
    assert stories == ["s3://photos/2024/a.jpg", "s3://photos/2025/a.jpg"]


def test_the_command_line_takes_patterns_buckets_and_objects(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    run = ["add", "--no-wait", "s3://photos/2024/", "s3://photos/top.webp", "s3://photos/2025/a.*"]
    answer = CliRunner().invoke(app, run)
    assert "4 images in default: 4 enqueued, 0 there already" in answer.output
    missing = CliRunner().invoke(app, ["add", "--no-wait", "s3://photos/2024/*.gif"])
    assert "a pattern that some match" in str(missing.exception)
