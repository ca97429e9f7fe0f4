"""Stores and metadata services that hang, or send without an end: the limits hold all the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lookalike.errors import FetchFailed, ImageTooLarge, LookalikeError
from lookalike_worker.fetching.objects import ObjectReader
from lookalike_worker.fetching.policy import FetchPolicy
from tests.az_host import az_host, azure_environment
from tests.gs_host import google_environment
from tests.half_open import HalfOpen
from tests.object_host import Answering, ObjectHost, answering
from tests.s3_host import S3Host, s3_host

LIMIT = 1000
# More than the kernel's buffers take from a sender that nobody listens to.
FLOOD = 256 * 1024 * 1024
PART = b"x" * 65536

MakeReader = Callable[..., ObjectReader]


class _Flooding(Answering):
    """Gives each caller a token, and whoever asks for an object far more than that."""

    n_sent = 0
    has_ended = threading.Event()

    def do_POST(self) -> None:  # noqa: N802 - the name is the server's
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "a-token", "expires_in": 3600}).encode()
        self.answer(200, body, Content_Type="application/json")

    def do_GET(self) -> None:  # noqa: N802
        self.send_response(206 if self.host.takes_ranges else 200)
        self.send_header("Content-Length", str(FLOOD))
        if self.host.takes_ranges:
            self.send_header("Content-Range", f"bytes 0-{FLOOD - 1}/{FLOOD}")
        self.end_headers()
        with suppress(ConnectionError):
            while _Flooding.n_sent < FLOOD:
                _Flooding.n_sent += self.wfile.write(PART)
        self.close_connection = True
        self.has_ended.set()


class _Metadata(Answering):
    """Amazon's metadata service, which is ill until the caller is known."""

    def do_PUT(self) -> None:  # noqa: N802 - the name is the server's
        self.answer(200, b"a-token") if self.host.knows_caller else self.answer(500, b"")

    def do_GET(self) -> None:  # noqa: N802
        names = ("AccessKeyId", "SecretAccessKey", "Token", "Type", "LastUpdated")
        role = {
            **dict.fromkeys(names, "x"),
            "Code": "Success",
            "Expiration": "2100-01-01T00:00:00Z",
        }
        is_list = self.path.endswith("/security-credentials/")
        body = b"a-role" if is_list else json.dumps(role).encode()
        self.answer(200, body) if self.host.knows_caller else self.answer(500, b"")


def led_to(store: str, url: str, folder: Path) -> dict[str, str]:
    """The variables that lead a store's library to a server."""
    if store == "s3":
        return S3Host(url).environment
    return google_environment(url, folder) if store == "gs" else azure_environment(url)


def asking(store: str, url: str, folder: Path) -> dict[str, str]:
    """The variables that have a store's library ask a server for credentials."""
    if store == "s3":
        given = {**S3Host("http://127.0.0.1:1").environment, "AWS_EC2_METADATA_DISABLED": "false"}
        del given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]
        return {**given, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
    if store == "gs":
        return google_environment(url, folder)
    return {"AZURE_STORAGE_ACCOUNT_NAME": "somebody", "AZURE_POD_IDENTITY_AUTHORITY_HOST": url}


@pytest.fixture
def make_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeReader]:
    """Builds readers of the buckets `photos`, in an environment of their own."""
    made: list[ObjectReader] = []

    def make(*stores: str, timeout_s: float, **environment: str) -> ObjectReader:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        buckets = tuple(f"{store}://photos" for store in stores)
        made.append(ObjectReader(FetchPolicy(60, timeout_s, LIMIT, buckets=buckets)))
        return made[-1]

    yield make
    for reader in made:
        reader.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that accepts, and says nothing."""
    with HalfOpen("127.0.0.1", 1) as server:
        server.go_deaf()
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("store", "takes_ranges", "error"),
    [
        ("s3", False, ImageTooLarge),
        ("s3", True, ImageTooLarge),
        ("gs", False, ImageTooLarge),
        ("gs", True, ImageTooLarge),
        ("az", False, FetchFailed),
        ("az", True, FetchFailed),
    ],
)
def test_a_store_that_sends_more_than_was_asked_for_is_left(
    store: str,
    takes_ranges: bool,
    error: type[LookalikeError],
    make_reader: MakeReader,
    tmp_path: Path,
) -> None:
    _Flooding.n_sent = 0
    _Flooding.has_ended = threading.Event()
    with answering(host := ObjectHost(takes_ranges=takes_ranges), _Flooding):
        reader = make_reader(store, timeout_s=60, **led_to(store, host.url, tmp_path))
        with pytest.raises(error):
            reader.read(f"{store}://photos/a.jpg")
        assert _Flooding.has_ended.wait(60)
    assert 0 < _Flooding.n_sent < FLOOD


@pytest.mark.parametrize("store", ["s3", "gs", "az"])
def test_credentials_that_do_not_come_are_waited_for_until_the_deadline(
    store: str, make_reader: MakeReader, silent: str, tmp_path: Path
) -> None:
    reader = make_reader(store, timeout_s=0.5, **asking(store, silent, tmp_path))
    for _ in range(2):
        with pytest.raises(FetchFailed, match=r"within 0\.5 s"):
            reader.read(f"{store}://photos/a.jpg")


def test_a_metadata_service_that_hangs_at_the_start_holds_nobody(
    make_reader: MakeReader, silent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    nobody = {"STORAGE_EMULATOR_HOST": silent, "CLOUDSDK_CONFIG": str(tmp_path)}
    address = silent.removeprefix("http://")
    reader = make_reader("gs", timeout_s=0.5, GCE_METADATA_IP=address, **nobody)
    with pytest.raises(FetchFailed, match=r"gs:// gave no credentials within 0\.5 s"):
        reader.read("gs://photos/a.jpg")


def test_credentials_that_hang_hold_up_no_other_store(
    make_reader: MakeReader, silent: str, tmp_path: Path
) -> None:
    with az_host() as host:
        host.put("photos", {"a.jpg": b"image"})
        asked = {**asking("gs", silent, tmp_path), **host.environment}
        hanging = make_reader("gs", timeout_s=0.5, **asked)
        with pytest.raises(FetchFailed):
            hanging.read("gs://photos/a.jpg")
        assert make_reader("az", timeout_s=60).read("az://photos/a.jpg") == b"image"


def test_a_metadata_service_may_come_late(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    late = ObjectHost(knows_caller=False)
    with s3_host() as host, answering(late, _Metadata):
        host.put("photos", {"a.jpg": b"image"})
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        asked = {**asking("s3", late.url, tmp_path), "AWS_ENDPOINT_URL_S3": host.url}
        reader = make_reader("s3", timeout_s=60, **asked)
        with pytest.raises(FetchFailed):
            reader.read("s3://photos/a.jpg")
        late.knows_caller = True
        assert reader.read("s3://photos/a.jpg") == b"image"
