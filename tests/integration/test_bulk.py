"""Images that come with their features: once, again, and by many writers at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from lookalike import store
from lookalike.database import tallies, transaction
from lookalike.database.naming import find_collection
from lookalike.errors import (
    FeaturesInvalid,
    MetadataInvalid,
    ReferenceInvalid,
    Rejected,
    WrongFeatureSpace,
)
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Request
from lookalike.queue import enqueue
from lookalike.store import bulk
from lookalike.store.image_rows import columns_of, hold_images
from tests.integration.installation import Installation, embedded, random_features

SPACE = FeatureSpace("fake", "ab" * 32, 16, trained=False)
OTHER = FeatureSpace("other", "cd" * 32, 16, trained=False)

_STORED = """
    SELECT i.reference, f.features::text AS features, i.metadata, i.image_key, f.xmin::text AS xmin
    FROM lookalike.features f JOIN lookalike.images i ON i.id = f.image_id
    ORDER BY i.reference
"""

_IN_OTHER_SPACE = """
    INSERT INTO lookalike.features (space_id, collection_id, image_id, features)
    SELECT :other_id, collection_id, image_id, features FROM lookalike.features
"""
_FREE = "SELECT id FROM lookalike.images FOR NO KEY UPDATE SKIP LOCKED"
_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url, space=SPACE)
    yield installation
    installation.close()


def requests(n: int, **rest: object) -> list[Request]:
    return [Request(ImageRef.parse(f"https://example.org/{i}.jpg"), **rest) for i in range(n)]  # type: ignore[arg-type]


def numbers(n: int, seed: int = 0) -> Features:
    return random_features(n, dimensions=SPACE.dimensions, seed=seed)


def stored(house: Installation) -> list[tuple[str, list[float]]]:
    with transaction(house.engine) as connection:
        rows = connection.execute(text(_STORED)).all()
    return [(row.reference, [float(x) for x in row.features[1:-1].split(",")]) for row in rows]


def test_images_and_features_are_stored_without_jobs(house: Installation) -> None:
    key = ImageKey.of(b"picture")
    given = [replace(one, key=key, metadata={"n": 1}) for one in requests(3)]
    ids = house.client.add_features(given, numbers(3), SPACE, collection="shop")
    assert house.client.search(image_id=ids[1], k=2)[0].metadata == {"n": 1}
    assert np.array_equal(
        house.client.features(ids[2]).features, numbers(3)[2].astype(np.float16).astype(np.float32)
    )
    assert house.client.status().n_images == 3
    assert house.client.status().n_open == 0
    with transaction(house.engine) as connection:
        collection_id = connection.scalar(text("SELECT id FROM lookalike.collections"))
        assert tallies.count_features(connection, collection_id, house.space_id) == 3
        assert connection.scalar(text("SELECT count(*) FROM lookalike.jobs")) == 0


def test_doing_it_again_writes_nothing(house: Installation) -> None:
    first = house.client.add_features(requests(40), numbers(40), SPACE)
    with transaction(house.engine) as connection:
        before = connection.execute(text(_STORED)).all()
    assert house.client.add_features(requests(40), numbers(40), SPACE) == first
    with transaction(house.engine) as connection:
        assert connection.execute(text(_STORED)).all() == before


def test_what_was_there_is_replaced_and_what_is_new_is_added(house: Installation) -> None:
    house.client.add_features(requests(2, metadata={"a": 1}), numbers(2), SPACE)
    later = numbers(4, seed=1)
    key = ImageKey.of(b"")
    house.client.add_features(requests(4, metadata={"b": 2}, key=key), later, SPACE)
    assert [row for _, row in stored(house)] == pytest.approx(later, abs=1e-3)
    with transaction(house.engine) as connection:
        rows = connection.execute(text(_STORED)).all()
    assert [row.metadata for row in rows] == [{"a": 1, "b": 2}] * 2 + [{"b": 2}] * 2
    assert {bytes(row.image_key) for row in rows} == {key.digest}


def test_metadata_and_key_stay_where_none_are_given(house: Installation) -> None:
    house.client.add_features(
        requests(1, metadata={"a": 1}, key=ImageKey.of(b"")), numbers(1), SPACE
    )
    house.client.add_features(requests(1), numbers(1, seed=1), SPACE)
    with transaction(house.engine) as connection:
        (row,) = connection.execute(text(_STORED)).all()
    assert (row.metadata, bytes(row.image_key)) == ({"a": 1}, ImageKey.of(b"").digest)


def test_other_bytes_end_the_features_in_other_spaces(house: Installation) -> None:
    house.client.add_features(requests(1, key=ImageKey.of(b"old")), numbers(1), SPACE)
    with transaction(house.engine) as connection:
        other_id = store.register_space(connection, OTHER)
        connection.execute(text(_IN_OTHER_SPACE), {"other_id": other_id})
    house.client.add_features(requests(1, key=ImageKey.of(b"old")), numbers(1), SPACE)
    assert len(stored(house)) == 2
    house.client.add_features(requests(1, key=ImageKey.of(b"new")), numbers(1), SPACE)
    assert len(stored(house)) == 1


def test_of_an_image_given_twice_the_last_counts(house: Installation) -> None:
    twice = [*requests(2), *requests(2)]
    ids = house.client.add_features(twice, numbers(4), SPACE)
    assert ids[:2] == ids[2:]
    assert [row for _, row in stored(house)] == pytest.approx(numbers(4)[2:], abs=1e-3)


def test_several_calls_in_one_transaction(house: Installation) -> None:
    for seed in range(2):
        with transaction(house.engine) as connection:
            for _ in range(2):
                bulk.write_features(connection, "shop", SPACE, requests(5), numbers(5, seed=seed))
    assert [row for _, row in stored(house)] == pytest.approx(numbers(5, seed=1), abs=1e-3)


def test_an_image_that_was_enqueued_keeps_its_job(house: Installation) -> None:
    job = house.client.add("https://example.org/0.jpg")
    assert house.client.add_features(requests(1), numbers(1), SPACE) == [job.image_id]
    house.embed(numbers(1, seed=1))
    assert [row for _, row in stored(house)] == pytest.approx(numbers(1, seed=1), abs=1e-3)


def test_a_collection_without_a_space_serves_the_one_it_is_given(
    database_url: str, house: Installation
) -> None:
    with transaction(house.engine) as connection:
        connection.execute(text("INSERT INTO lookalike.collections (name) VALUES ('empty')"))
    for name in ("empty", "new"):
        house.client.add_features(requests(1), numbers(1), OTHER, collection=name)
    spaces = {one.name: one.space for one in house.client.status().collections}
    assert spaces == {"empty": OTHER.name, "new": OTHER.name}


WRONG: list[tuple[Request, Features, FeatureSpace, type[Rejected]]] = [
    (requests(1)[0], numbers(1)[:, :8], SPACE, WrongFeatureSpace),
    (requests(1)[0], numbers(2), SPACE, WrongFeatureSpace),
    (requests(1)[0], numbers(1), OTHER, WrongFeatureSpace),
    (requests(1)[0], numbers(1)[:, :8], replace(SPACE, dimensions=8), WrongFeatureSpace),
    (requests(1)[0], numbers(1) * np.nan, SPACE, FeaturesInvalid),
    (requests(1)[0], numbers(1) * 0, SPACE, FeaturesInvalid),
    (Request(ImageRef("file:///a\0b")), numbers(1), SPACE, ReferenceInvalid),
    (Request(ImageRef("file:///\ud800")), numbers(1), SPACE, ReferenceInvalid),
    (Request(ImageRef("file:///" + "a" * 3000)), numbers(1), SPACE, ReferenceInvalid),
    (requests(1, metadata={"a": "\0"})[0], numbers(1), SPACE, MetadataInvalid),
]


@pytest.mark.parametrize(("request_", "features", "space", "error"), WRONG)
def test_what_cannot_be_stored_is_refused_and_nothing_is_written(
    house: Installation,
    request_: Request,
    features: Features,
    space: FeatureSpace,
    error: type[Rejected],
) -> None:
    house.client.add_features([], numbers(0), SPACE)
    house.client.add("https://example.org/there.jpg")
    with pytest.raises(error):
        house.client.add_features([request_], features, space)
    assert stored(house) == []
    assert house.client.status().n_images == 1


def test_writers_of_the_same_images_at_once_do_not_deadlock(house: Installation) -> None:
    n, n_writers = 120, 6
    house.client.add_features(requests(n // 2), numbers(n // 2), SPACE)
    together = threading.Barrier(n_writers, timeout=30)

    def write(seed: int) -> None:
        order = np.random.default_rng(seed).permutation(n)
        given = requests(n)
        together.wait()
        for _ in range(5):
            with transaction(house.engine) as connection:
                bulk.write_features(
                    connection, "default", SPACE, [given[i] for i in order], numbers(n, seed)[order]
                )

    with ThreadPoolExecutor(n_writers) as threads:
        list(threads.map(write, range(n_writers)))
    rows = np.array([row for _, row in sorted(stored(house), key=lambda one: int_of(one[0]))])
    assert rows.shape == (n, SPACE.dimensions)
    # All features of one image are of one writer.
    written = [numbers(n, seed).astype(np.float16) for seed in range(n_writers)]
    assert all(
        any(np.allclose(row, w[i], atol=1e-3) for w in written) for i, row in enumerate(rows)
    )


def test_a_worker_a_producer_and_a_writer_at_once_do_not_deadlock(house: Installation) -> None:
    n, n_rounds = 60, 8
    given = requests(n)
    together = threading.Barrier(3, timeout=30)

    def work() -> None:
        for seed in range(n_rounds):
            together.wait()
            house.commit([embedded(job, numbers(1, seed)[0]) for job in house.claim()])

    def produce() -> None:
        for seed in range(n_rounds):
            fresh = [replace(one, key=ImageKey.of(bytes([seed]))) for one in given]
            together.wait()
            with transaction(house.engine) as connection:
                enqueue(connection, "default", fresh[::-1])

    def write() -> None:
        for seed in range(n_rounds):
            together.wait()
            with transaction(house.engine) as connection:
                bulk.write_features(connection, "default", SPACE, given, numbers(n, seed))

    # Whose ids are in another order than their references.
    for one in sorted(given, key=lambda one: one.reference.text, reverse=True):
        house.client.add(one.reference)
    with ThreadPoolExecutor(3) as threads:
        for part in [threads.submit(each) for each in (work, produce, write)]:
            part.result()
    assert len(stored(house)) == n


def test_a_worker_holds_images_in_the_order_of_their_references(house: Installation) -> None:
    given = sorted(requests(20), key=lambda one: one.reference.text)
    for one in reversed(given):  # their ids are in another order
        house.client.add(one.reference)
    outcomes = [embedded(job, numbers(1)[0]) for job in house.claim()]
    with ThreadPoolExecutor(1) as threads:
        with transaction(house.engine) as connection:
            collection_id = find_collection(connection, "default")
            first = columns_of({given[0].reference.text: given[0]})
            assert len(hold_images(connection, house.space_id, collection_id, first).found) == 1
            committed = threads.submit(house.commit, list(outcomes))
            until(lambda: n_waiting(house) == 1)
            # Who holds the first of them can go on to each of the others.
            assert len(connection.execute(text(_FREE)).all()) == 20
        committed.result()
    assert len(stored(house)) == 20


def until(holds: Callable[[], bool], *, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def n_waiting(house: Installation) -> int:
    """Sessions of this database that wait for a lock."""
    with transaction(house.engine) as connection:
        return int(connection.scalar(text(_WAITING)) or 0)


def int_of(reference: str) -> int:
    return int(reference.rpartition("/")[2].removesuffix(".jpg"))
