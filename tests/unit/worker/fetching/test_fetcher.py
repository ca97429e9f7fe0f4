from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.dialling import Resolve, resolve
from lookalike.errors import (
    FetchFailed,
    ImageNotFound,
    ImageTooLarge,
    ImageUnreadable,
    LookalikeError,
    ReferenceForbidden,
    ReferenceInvalid,
)
from lookalike.images import ImageKey, ImageRef
from lookalike_worker.fetching import Fetcher, FetchPolicy
from tests.unit.worker.fetching.image_host import ImageHost

IMAGE = b"the bytes of an image, which fetching does not look at"
POLICY = FetchPolicy(connect_timeout_s=2, total_timeout_s=5, max_bytes=1000)
MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def make_fetcher() -> Iterator[MakeFetcher]:
    """Builds fetchers of POLICY with changes, and closes them."""
    made: list[Fetcher] = []

    def make(resolve: Resolve = resolve, **changes: object) -> Fetcher:
        policy = replace(POLICY, **changes)  # type: ignore[arg-type]
        uploads = {ImageKey.of(IMAGE): IMAGE, ImageKey.of(b"large"): bytes(1001)}
        made.append(Fetcher(policy, load_upload=uploads.get, resolve=resolve))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()


# ------------------------------------------------------------------ uploads


def test_an_upload_is_loaded_by_its_key(make_fetcher: MakeFetcher) -> None:
    assert make_fetcher().fetch(ImageRef.of_upload(ImageKey.of(IMAGE))) == IMAGE


@pytest.mark.parametrize(
    ("ref", "error"),
    [
        (ImageRef.of_upload(ImageKey.of(b"gone")), ImageNotFound),
        (ImageRef.of_upload(ImageKey.of(b"large")), ImageTooLarge),
        (ImageRef("upload:nonsense"), ReferenceInvalid),
        (ImageRef("ftp://example.org/a.jpg"), ReferenceInvalid),
    ],
)
def test_what_is_no_good_upload_is_rejected(
    ref: ImageRef, error: type[LookalikeError], make_fetcher: MakeFetcher
) -> None:
    with pytest.raises(error):
        make_fetcher().fetch(ref)


# -------------------------------------------------------------------- files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "a b#1%.jpg").write_bytes(IMAGE)
    (root / "large.jpg").write_bytes(bytes(1001))
    (root / "link.jpg").symlink_to(root / "a b#1%.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    os.mkfifo(root / "pipe.jpg")
    (tmp_path / "secret.jpg").write_bytes(IMAGE)
    (root / "escape.jpg").symlink_to(tmp_path / "secret.jpg")
    return root


@pytest.mark.parametrize("name", ["a b#1%.jpg", "link.jpg", "folder/../a b#1%.jpg"])
def test_a_file_below_a_root_is_read(name: str, root: Path, make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher(file_roots=(root,))
    assert fetcher.fetch(ImageRef.of_path(root / name)) == IMAGE


def test_the_root_of_all_allows_every_file(root: Path, make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher(file_roots=(Path("/"),))
    assert fetcher.fetch(ImageRef.of_path(root.parent / "secret.jpg")) == IMAGE


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("missing.jpg", ImageNotFound, "found nothing"),
        ("folder", ImageNotFound, "is a directory"),
        ("pipe.jpg", ImageNotFound, "no regular file"),
        ("large.jpg/within", ImageNotFound, "found nothing"),
        ("n" * 300, ImageNotFound, "found nothing"),
        ("loop.jpg", ImageNotFound, "found nothing"),
        ("large.jpg", ImageTooLarge, "1,001 bytes"),
        ("escape.jpg", ReferenceForbidden, "LOOKALIKE_FILE_ROOTS"),
        ("../secret.jpg", ReferenceForbidden, "LOOKALIKE_FILE_ROOTS"),
        ("../absent.jpg", ReferenceForbidden, "LOOKALIKE_FILE_ROOTS"),
        ("../root2/a.jpg", ReferenceForbidden, "LOOKALIKE_FILE_ROOTS"),
    ],
)
def test_what_is_no_readable_file_below_a_root_is_rejected(
    name: str, error: type[LookalikeError], says: str, root: Path, make_fetcher: MakeFetcher
) -> None:
    with pytest.raises(error, match=says):
        make_fetcher(file_roots=(root,)).fetch(ImageRef.of_path(root / name))


def test_a_file_without_roots_says_what_to_set(root: Path, make_fetcher: MakeFetcher) -> None:
    with pytest.raises(ReferenceForbidden, match="upload the bytes") as caught:
        make_fetcher().fetch(ImageRef.of_path(root / "a b#1%.jpg"))
    assert "LOOKALIKE_FILE_ROOTS is not set" in str(caught.value)


def test_a_device_is_refused_unopened(make_fetcher: MakeFetcher) -> None:
    with pytest.raises(ImageNotFound, match="no regular file"):
        make_fetcher(file_roots=(Path("/dev"),)).fetch(ImageRef("file:///dev/zero"))


@pytest.mark.parametrize(
    ("text", "error"),
    [("file:///%00.jpg", ReferenceInvalid), ("file:relative.jpg", ReferenceForbidden)],
)
def test_a_malformed_path_is_rejected(
    text: str, error: type[LookalikeError], make_fetcher: MakeFetcher
) -> None:
    with pytest.raises(error):
        make_fetcher(file_roots=(Path("/"),)).fetch(ImageRef(text))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_forbidden(root: Path, make_fetcher: MakeFetcher) -> None:
    (root / "a b#1%.jpg").chmod(0)
    with pytest.raises(ReferenceForbidden, match="permissions"):
        make_fetcher(file_roots=(root,)).fetch(ImageRef.of_path(root / "a b#1%.jpg"))


# --------------------------------------------------------------- web servers


@pytest.fixture
def server() -> Iterator[ImageHost]:
    with ImageHost(IMAGE) as server:
        yield server


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def to_nowhere(_host: str, _port: int) -> list[str]:
    return []


def unknown(_host: str, _port: int) -> list[str]:
    raise socket.gaierror("no such host")


@pytest.fixture
def fetcher(server: ImageHost, make_fetcher: MakeFetcher) -> Fetcher:
    return make_fetcher(resolve=to_loopback, allow_hosts=(server.origin,))


def test_an_image_is_downloaded(server: ImageHost, fetcher: Fetcher) -> None:
    assert fetcher.fetch(server.ref("image")) == IMAGE


def test_the_host_hears_its_name_and_no_cookies(server: ImageHost, fetcher: Fetcher) -> None:
    assert fetcher.fetch(server.ref("host")).decode() == server.origin
    assert [fetcher.fetch(server.ref("cookie")) for _ in range(2)] == [b"none", b"none"]


def test_a_connection_serves_further_fetches(server: ImageHost, fetcher: Fetcher) -> None:
    for _ in range(3):
        fetcher.fetch(server.ref("image"))
    assert server.n_connections == 1


def test_many_threads_share_a_fetcher(server: ImageHost, fetcher: Fetcher) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(fetcher.fetch, [server.ref("image")] * 64)
        assert set(answers) == {IMAGE}


def test_up_to_three_redirects_are_followed(server: ImageHost, fetcher: Fetcher) -> None:
    assert fetcher.fetch(server.ref("hops/2")) == IMAGE
    with pytest.raises(ReferenceForbidden, match="more than 3 redirects"):
        fetcher.fetch(server.ref("hops/3"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, ImageNotFound), (410, ImageNotFound), (400, ImageNotFound), (304, ImageNotFound)]
    + [(status, ReferenceForbidden) for status in (401, 403, 407)]
    + [(status, FetchFailed) for status in (408, 425, 429, 500, 502, 503, 504)],
)
def test_a_status_decides_who_has_to_act(
    status: int, error: type[LookalikeError], server: ImageHost, fetcher: Fetcher
) -> None:
    with pytest.raises(error) as caught:
        fetcher.fetch(server.ref(f"status/{status}"))
    assert type(caught.value) is error
    assert caught.value.value == status


@pytest.mark.parametrize("path", ["claims/1001", "endless", "gzip/1001", "gzip/100000000"])
def test_a_body_above_the_limit_is_not_read_to_its_end(
    path: str, server: ImageHost, fetcher: Fetcher
) -> None:
    with pytest.raises(ImageTooLarge, match="at most 1,000"):
        fetcher.fetch(server.ref(path))


def test_a_compressed_body_is_inflated(server: ImageHost, fetcher: Fetcher) -> None:
    assert fetcher.fetch(server.ref("gzip/1000")) == bytes(1000)


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_body_in_another_encoding_is_unreadable(
    encoding: str, server: ImageHost, fetcher: Fetcher
) -> None:
    with pytest.raises(ImageUnreadable, match="Content-Encoding"):
        fetcher.fetch(server.ref(f"encoding/{encoding}"))


@pytest.mark.parametrize("path", ["drip", "drip_headers"])
def test_a_host_that_drips_is_left_at_the_deadline(
    path: str, server: ImageHost, make_fetcher: MakeFetcher
) -> None:
    fetcher = make_fetcher(
        to_loopback, allow_hosts=(server.origin,), total_timeout_s=0.3, max_bytes=10**6
    )
    start = time.monotonic()
    with pytest.raises(FetchFailed, match=r"within 0\.3 s"):
        fetcher.fetch(server.ref(path))
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("path", ["hang_up", "claims/900"])
def test_a_broken_answer_may_be_better_next_time(
    path: str, server: ImageHost, fetcher: Fetcher
) -> None:
    with pytest.raises(FetchFailed):
        fetcher.fetch(server.ref(path))


@pytest.mark.parametrize("name_server", [to_loopback, to_nowhere, unknown])
def test_a_host_that_cannot_be_reached_may_be_better_next_time(
    name_server: Resolve, make_fetcher: MakeFetcher
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    fetcher = make_fetcher(resolve=name_server, allow_hosts=("images.test",))
    with pytest.raises(FetchFailed, match=r"images\.test"):
        fetcher.fetch(ImageRef.parse(f"http://images.test:{port}/a.jpg"))


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("file:///etc/passwd", ReferenceForbidden),
        ("ftp://images.test/a.jpg", ReferenceForbidden),
        ("gopher://127.0.0.1:6379/_x", ReferenceForbidden),
        ("http://user:password@images.test/", ReferenceForbidden),
        ("http://[::1/", ReferenceInvalid),
        ("http://images.test:99999/", ReferenceInvalid),
    ],
)
def test_a_redirect_elsewhere_is_refused(
    location: str, error: type[LookalikeError], server: ImageHost, fetcher: Fetcher
) -> None:
    with pytest.raises(error):
        fetcher.fetch(server.ref(f"redirect/{location}"))
