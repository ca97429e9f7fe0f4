"""Objects: of the operator's buckets alone, whatever the worker's credentials open."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from fsspec.registry import _registry

from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    ImageTooLarge,
    InvalidSetting,
    LookalikeError,
    Misconfigured,
    ReferenceForbidden,
    ReferenceInvalid,
)
from lookalike.images import ImageRef
from lookalike.sources.buckets import AllowedBuckets
from lookalike_api.references import permitted
from tests.half_open import HalfOpen
from tests.s3_host import S3Host, s3_host
from tests.security.conftest import LIMIT, MakeFetcher

ALLOWED = ("s3://photos", "s3://shop/new", "s3://missing")
OBJECTS = {
    "a.jpg": b"image",
    "deep/ü #1?v=2 %2e.jpg": b"odd",
    "empty.jpg": b"",
    "full.jpg": b"x" * LIMIT,
    "large.jpg": b"x" * (LIMIT + 1),
}


@pytest.fixture(scope="module")
def host() -> Iterator[S3Host]:
    with s3_host() as host:
        host.put("photos", OBJECTS)
        host.put("shop", {"new/a.jpg": b"new", "newer/a.jpg": b"secret", "new.jpg": b"secret"})
        host.put("payroll", {"a.jpg": b"secret"})
        yield host


@pytest.fixture
def with_credentials(host: S3Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens every bucket of the host, as a worker's role often does."""
    for name, value in host.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://photos/a.jpg", OBJECTS["a.jpg"]),
        ("S3://photos/a.jpg", OBJECTS["a.jpg"]),
        ("s3://photos/deep/ü #1?v=2 %2e.jpg", b"odd"),
        ("s3://photos/empty.jpg", b""),
        ("s3://photos/full.jpg", OBJECTS["full.jpg"]),
        ("s3://shop/new/a.jpg", b"new"),
    ],
)
def test_an_allowed_object_is_read_under_its_very_key(
    text: str, expected: bytes, make_fetcher: MakeFetcher, with_credentials: None
) -> None:
    assert make_fetcher(buckets=ALLOWED).fetch(ImageRef(text)) == expected


FORBIDDEN = [
    "s3://payroll/a.jpg",
    "s3://shop/newer/a.jpg",
    "s3://shop/new.jpg",
    "s3://shop/a.jpg",
    "gs://photos/a.jpg",
    "az://photos/a.jpg",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_is_not_allowed_is_not_asked_for(
    text: str, make_fetcher: MakeFetcher, with_credentials: None, dialled: list[str]
) -> None:
    fetcher = make_fetcher(buckets=ALLOWED)
    with pytest.raises(ReferenceForbidden, match="LOOKALIKE_BUCKETS"):
        fetcher.fetch(ImageRef(text))
    with pytest.raises(ReferenceForbidden, match="LOOKALIKE_BUCKETS"):
        permitted(text, (), AllowedBuckets.parse(ALLOWED))
    assert dialled == []


@pytest.mark.parametrize("text", ["s3://photos/a.jpg", "gs://photos/a.jpg", "az://photos/a.jpg"])
def test_by_default_no_bucket_is_allowed(
    text: str, make_fetcher: MakeFetcher, with_credentials: None, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceForbidden):
        make_fetcher().fetch(ImageRef(text))
    with pytest.raises(ReferenceForbidden):
        permitted(text, ())
    assert dialled == []


NO_OBJECTS = [
    "s3://",
    "s3:///a.jpg",
    "s3://photos",
    "s3://photos/",
    "s3://photos//a.jpg",
    "s3://photos/folder/",
    "s3://photos/../payroll/a.jpg",
    "s3://photos/./a.jpg",
    "s3://photos/a.jpg?versionId=2",
    "az://photos/a.jpg?versionid=2",
    "az://photos/a.jpg?",
    "az://photos/a.jpg#",
    "az://photos/open\\..\\a.jpg",
    "s3://shop/new/../../payroll/a.jpg",
    "s3://photos/a\0.jpg",
    "s3://photos/a\r\nHost: payroll",
    "s3://somebody:secret@photos/a.jpg",
    "s3://photos:443/a.jpg",
    "s3://arn:aws:s3:us-east-1:1:accesspoint/photos/a.jpg",
    "s3://PHOTOS/a.jpg",
    "s3://photos%2f/a.jpg",
    "s3:photos/a.jpg",
    "s3:/photos/a.jpg",
    "s3a://photos/a.jpg",
    "gcs://photos/a.jpg",
    "abfs://photos/a.jpg",
    "az://photos@account.blob.core.windows.net/a.jpg",
    "simplecache::s3://photos/a.jpg",
    "memory://photos/a.jpg",
]


@pytest.mark.parametrize("text", NO_OBJECTS, ids=repr)
def test_no_other_spelling_leads_to_a_store(
    text: str, make_fetcher: MakeFetcher, with_credentials: None, dialled: list[str]
) -> None:
    with pytest.raises(ReferenceInvalid):
        make_fetcher(buckets=ALLOWED).fetch(ImageRef(text))
    with pytest.raises(ReferenceInvalid):
        permitted(text, (), AllowedBuckets.parse(ALLOWED))
    assert dialled == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("s3://photos/none.jpg", ImageNotFound),
        ("s3://missing/a.jpg", ImageNotFound),
        ("s3://photos/large.jpg", ImageTooLarge),
    ],
)
def test_what_cannot_be_had_says_so(
    text: str, error: type[LookalikeError], make_fetcher: MakeFetcher, with_credentials: None
) -> None:
    with pytest.raises(error):
        make_fetcher(buckets=ALLOWED).fetch(ImageRef(text))


def test_a_store_that_does_not_answer_is_left_at_the_deadline(
    make_fetcher: MakeFetcher, with_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HalfOpen("127.0.0.1", 1) as silent:
        silent.go_deaf()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.port}")
        fetcher = make_fetcher(buckets=ALLOWED, total_timeout_s=0.5)
        with pytest.raises(FetchFailed, match=r"0\.5 s"):
            fetcher.fetch(ImageRef("s3://photos/a.jpg"))


@pytest.mark.parametrize(
    "entry", ["photos", "s3://", "s3://photos:443", "http://photos", "s3://a@photos", "s3://b/../c"]
)
def test_an_entry_that_is_no_bucket_ends_the_start(entry: str, make_fetcher: MakeFetcher) -> None:
    with pytest.raises(InvalidSetting, match="LOOKALIKE_BUCKETS"):
        make_fetcher(buckets=(entry,))


def test_a_library_that_is_missing_ends_the_start(
    make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    # Where a test of this process has used it, fsspec remembers its class.
    monkeypatch.delitem(_registry, "gs", raising=False)
    with pytest.raises(Misconfigured, match=r"pip install 'lookalike\[gs\]'"):
        make_fetcher(buckets=("gs://photos",))
