"""Many images into a backlog with a limit: what fits goes in, the rest as workers make room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lookalike.client import Lookalike
from lookalike.client.inputs import ImageLike
from lookalike.errors import BacklogFull, Rejected
from lookalike.images import ImageKey
from lookalike.jobs import Embedded, Trace
from lookalike.settings import Settings
from tests.integration.installation import Installation, random_features

URLS = [f"https://images.example/{n}.jpg" for n in range(10)]


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    house = Installation.on(database_url)
    yield house
    house.close()


def work(house: Installation) -> int:
    """Embed all that is open; gives how many these were."""
    jobs = house.claim()
    features = random_features(1)[0]
    trace = Trace(1, 2, 3, 4)
    house.commit([Embedded(job, ImageKey.of(b"a"), features, trace) for job in jobs])
    return len(jobs)


@contextmanager
def working(house: Installation) -> Iterator[None]:
    """While it is open, a worker embeds all that is open, and commits now and then without that."""
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            for _ in range(5):
                house.commit([])
            work(house)
            done.wait(0.01)

    worker = threading.Thread(target=go_on)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


def test_no_more_are_open_than_the_limit_allows_and_all_are_added_in_order(
    house: Installation,
) -> None:
    house.client.operator.limit(4)
    added = []
    for one in house.client.add_many(URLS, patience_s=60):
        added.append(one)
        assert house.client.status().n_open <= 4
        if len(added) % 4 == 0:
            assert work(house) == 4
    assert [house.client.why(one.image_id).reference for one in added] == URLS


def test_whoever_waits_is_woken_by_the_workers(house: Installation) -> None:
    house.client.operator.limit(3)
    list(house.client.add_many(URLS[:3]))
    with working(house):
        assert len(list(house.client.add_many(URLS[3:], patience_s=60))) == 7


def test_a_file_is_read_once_however_often_workers_commit(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{n}.jpg" for n in range(6)]
    for file in files:
        file.write_bytes(b"a")
    read: list[Path] = []

    def key_of(path: Path) -> ImageKey:
        read.append(path)
        return ImageKey.of(path.read_bytes())

    monkeypatch.setattr(ImageKey, "of_file", key_of)
    house.client.operator.limit(2)
    with working(house):
        assert len(list(house.client.add_many(files, patience_s=60))) == 6
    assert read == files


@pytest.mark.parametrize("image", ["/nowhere/a.jpg", b"too large", "ftp://images.example/a.jpg"])
def test_what_there_is_no_room_for_is_not_looked_at(image: ImageLike, database_url: str) -> None:
    with Lookalike(database_url, settings=Settings.load({"LOOKALIKE_MAX_BYTES": "5"})) as client:
        client.operator.limit(1)
        added = client.add_many([b"first", image], upload=True, patience_s=0.2)
        next(added)
        with pytest.raises(BacklogFull, match="1 more to enqueue"):
            next(added)
        client.operator.limit(2)
        with pytest.raises(Rejected):
            list(client.add_many([image], upload=True))


def test_an_image_that_is_given_twice_needs_room_once(house: Installation) -> None:
    house.client.operator.limit(2)
    twice = [image for url in URLS[:2] for image in (url, url)]
    assert [one.job_id for one in house.client.add_many(twice)] == [1, 1, 2, 2]


def test_patience_has_an_end_and_what_was_added_stays(house: Installation) -> None:
    house.client.operator.limit(4)
    added = house.client.add_many(URLS, patience_s=0.2)
    assert len([next(added) for _ in range(4)]) == 4
    with pytest.raises(BacklogFull, match="at most 4"):
        next(added)
    assert house.client.status().n_open == 4


def test_without_patience_nothing_of_the_portion_is_added(house: Installation) -> None:
    house.client.operator.limit(4)
    with pytest.raises(BacklogFull):
        list(house.client.add_many(URLS, patience_s=0))
    house.client.operator.limit(0)
    with pytest.raises(BacklogFull):
        house.client.add(URLS[0])
    assert house.client.status().n_open == 0


@pytest.mark.parametrize("images", [URLS, iter(URLS)], ids=["counted", "endless"])
def test_a_bar_counts_on_the_standard_error_alone(
    images: list[str], house: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(list(house.client.add_many(images, progress=True))) == 10
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "10/" in shown.err
