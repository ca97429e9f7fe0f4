"""Thumbnails: written with the features of the same bytes, and gone with their image."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from lookalike import queue
from lookalike.collections.erasure import erase_images
from lookalike.database import transaction
from lookalike.errors import UnknownImage
from lookalike.features import FeatureSpace
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Request
from tests.integration.installation import SPACE, Installation, embedded, random_features

URL = "https://example.org/a.jpg"
OLD, NEW = b"\xff\xd8\xff old", b"\xff\xd8\xff new" * 2000


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def claim(house: Installation, content: bytes = b"bytes") -> tuple[int, ClaimedJob]:
    """The one image, to be embedded once more, because its bytes have changed or are not known."""
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.images SET image_key = NULL WHERE image_key = :key"),
            {"key": ImageKey.of(content).digest},
        )
        request = Request(ImageRef.parse(URL), key=ImageKey.of(content))
        (added,) = queue.enqueue(connection, "default", [request])
    (job,) = house.claim()
    return added.image_id, job


def commit(house: Installation, job: ClaimedJob, thumbnail: bytes | None, content: bytes) -> None:
    outcome = replace(
        embedded(job, random_features(1)[0]), key=ImageKey.of(content), thumbnail=thumbnail
    )
    house.commit([outcome])


def embed(house: Installation, thumbnail: bytes | None, content: bytes = b"bytes") -> int:
    image_id, job = claim(house, content)
    commit(house, job, thumbnail, content)
    return image_id


def test_an_image_has_the_thumbnail_that_its_worker_made(house: Installation) -> None:
    assert house.client.thumbnail(embed(house, NEW)) == NEW


def test_a_notebook_shows_those_of_search_hits(house: Installation) -> None:
    image_id = embed(house, OLD)
    found = house.client.search(features=house.client.features(image_id))
    assert b64encode(OLD).decode() in found._repr_html_()


def test_an_image_that_is_not_embedded_has_none(house: Installation) -> None:
    assert house.client.thumbnail(house.client.add(URL).image_id) is None
    with pytest.raises(UnknownImage):
        house.client.thumbnail(999)


def test_each_image_of_a_commit_has_its_own(house: Installation) -> None:
    added = list(house.client.add_many([f"{URL}?{i}" for i in range(3)]))
    thumbnails = (OLD, None, NEW)
    house.commit(
        [
            replace(embedded(job, row), thumbnail=thumbnail)
            for job, row, thumbnail in zip(
                house.claim(), random_features(3), thumbnails, strict=True
            )
        ]
    )
    assert tuple(house.client.thumbnail(one.image_id) for one in added) == thumbnails


def test_a_second_commit_of_the_same_job_changes_nothing(house: Installation) -> None:
    image_id, job = claim(house)
    for thumbnail in (OLD, NEW):
        commit(house, job, thumbnail, b"bytes")
    assert house.client.thumbnail(image_id) == OLD


@pytest.mark.parametrize("thumbnail", [NEW, None])
def test_other_bytes_bring_another_or_end_the_old_one(
    house: Installation, thumbnail: bytes | None
) -> None:
    image_id = embed(house, OLD)
    assert embed(house, thumbnail, b"other bytes") == image_id
    assert house.client.thumbnail(image_id) == thumbnail


def test_workers_that_make_none_leave_what_there_is(house: Installation) -> None:
    image_id = embed(house, OLD)
    embed(house, None)
    assert house.client.thumbnail(image_id) == OLD


def test_features_of_other_bytes_from_elsewhere_end_it(house: Installation) -> None:
    image_id = embed(house, OLD)
    for content, expected in ((b"bytes", OLD), (b"other bytes", None)):
        request = Request(ImageRef.parse(URL), key=ImageKey.of(content))
        house.client.add_features([request], random_features(1), SPACE)
        assert house.client.thumbnail(image_id) == expected


def test_an_erased_image_takes_it_along(house: Installation) -> None:
    image_id = embed(house, OLD)
    erase_images(house.engine, [image_id])
    with transaction(house.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM lookalike.thumbnails")) == 0


def test_a_space_that_does_not_serve_brings_none_of_other_bytes(house: Installation) -> None:
    image_id = embed(house, OLD)
    coming = Installation.on(
        house.engine.url.render_as_string(hide_password=False),
        space=FeatureSpace("coming", "cd" * 32, 4032, trained=False),
    )
    _, job = claim(house, b"other bytes")
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.jobs SET space_id = :space WHERE id = :id"),
            {"space": coming.space_id, "id": job.id},
        )
    commit(coming, job, NEW, b"other bytes")
    coming.close()
    assert house.client.thumbnail(image_id) == OLD
