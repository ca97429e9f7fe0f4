"""Objects and folders of `gs://` and `az://`, by their own libraries, from small servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    ImageTooLarge,
    LookalikeError,
    ReferenceForbidden,
)
from lookalike.sources.finding import images_in
from lookalike_worker.fetching.objects import ObjectReader
from lookalike_worker.fetching.policy import FetchPolicy
from tests.az_host import az_host
from tests.gs_host import gs_host
from tests.object_host import ObjectHost

LIMIT = 1000
OBJECTS = {
    "a.jpg": b"image",
    "deep/ü ä+%2e &=.jpg": b"odd",
    "empty.jpg": b"",
    "full.jpg": b"x" * LIMIT,
    "large.jpg": b"x" * (LIMIT + 1),
}
KEYS = [
    "2024/a.jpg",
    "2024/notes.txt",
    "2024/new/b.png",
    "2024/new/deep/c.jpg",
    "2024/.thumbs/a.jpg",
    "2025/a.jpg",
    "raw/9f86d0",
    "top.webp",
]


@pytest.fixture(scope="module", params=["gs", "az"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def host(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectHost]:
    hosting = gs_host(tmp_path_factory.mktemp("gs")) if store == "gs" else az_host()
    with hosting as host:
        host.put("photos", OBJECTS)
        host.put("albums", dict.fromkeys(KEYS, b"image"))
        host.put("payroll", {"a.jpg": b"secret"})
        host.closed.add("payroll")
        yield host


@pytest.fixture
def environment(host: ObjectHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectHost]:
    """The host in its library's variables, as it was made once the test has ended."""
    for name, value in host.environment.items():
        monkeypatch.setenv(name, value)
    yield host
    host.takes_ranges = host.knows_caller = True
    host.requests.clear()


@pytest.fixture
def reader(store: str, environment: ObjectHost) -> Iterator[ObjectReader]:
    buckets = tuple(f"{store}://{name}" for name in ("photos", "payroll", "missing"))
    # Long enough for a busy machine: nothing here waits for it.
    policy = FetchPolicy(60, 60, LIMIT, buckets=buckets)
    reader = ObjectReader(policy)
    yield reader
    reader.close()


@pytest.mark.parametrize("key", ["a.jpg", "deep/ü ä+%2e &=.jpg", "empty.jpg", "full.jpg"])
def test_an_object_is_read_under_its_very_key(key: str, store: str, reader: ObjectReader) -> None:
    assert reader.read(f"{store}://photos/{key}") == OBJECTS[key]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("photos/none.jpg", ImageNotFound),
        ("missing/a.jpg", ImageNotFound),
        ("payroll/a.jpg", ReferenceForbidden),
        ("photos/large.jpg", ImageTooLarge),
    ],
)
def test_what_cannot_be_had_says_so(
    text: str, error: type[LookalikeError], store: str, reader: ObjectReader
) -> None:
    with pytest.raises(error):
        reader.read(f"{store}://{text}")


def test_no_more_is_asked_for_than_shows_that_it_is_too_much(
    store: str, reader: ObjectReader, host: ObjectHost
) -> None:
    with pytest.raises(ImageTooLarge, match=f"{LIMIT + 1:,} bytes or more"):
        reader.read(f"{store}://photos/large.jpg")
    assert sum("large.jpg" in request for request in host.requests) == 1


def test_a_caller_who_is_not_known_may_be_later(
    store: str, reader: ObjectReader, host: ObjectHost
) -> None:
    host.knows_caller = False
    with pytest.raises(FetchFailed):
        reader.read(f"{store}://photos/a.jpg")
    host.knows_caller = True
    assert reader.read(f"{store}://photos/a.jpg") == b"image"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (
            "albums",
            [
                "top.webp",
                "2024/a.jpg",
                "2024/new/b.png",
                "2024/new/deep/c.jpg",
                "2025/a.jpg",
            ],
        ),
        ("albums/2024/new/", ["2024/new/b.png", "2024/new/deep/c.jpg"]),
        ("albums/*/a.jpg", ["2024/a.jpg", "2025/a.jpg"]),
        ("albums/**/*.jpg", ["2024/a.jpg", "2024/new/deep/c.jpg", "2025/a.jpg"]),
        ("albums/raw/*", ["raw/9f86d0"]),
        ("albums/2024/*.gif", []),
    ],
)
def test_a_bucket_is_listed_as_a_folder_is(
    place: str, expected: list[str], store: str, environment: ObjectHost
) -> None:
    found = [str(image) for image in images_in(f"{store}://{place}")]
    assert found == [f"{store}://albums/{key}" for key in expected]


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("missing/", ImageNotFound),
        ("albums/none/", ImageNotFound),
        ("payroll/", ReferenceForbidden),
    ],
)
def test_a_folder_that_cannot_be_listed_is_an_error(
    place: str, error: type[LookalikeError], store: str, environment: ObjectHost
) -> None:
    with pytest.raises(error):
        list(images_in(f"{store}://{place}"))
