from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lookalike.errors import DiskFull, DownloadFailed, WeightsMissing
from lookalike_worker.modules.download import Patience, Wanted, download
from tests.file_host import FileHost, serving

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

pauses: list[float] = []
IMPATIENT = Patience(connect_timeout_s=2, read_timeout_s=2, pause=pauses.append)


def get(host: FileHost, target: Path, *, sha256: str = "", **patience: Any) -> str:
    wanted = Wanted(f"{host.address}/file", sha256, next_step="ask somebody")
    return download(wanted, target, patience=replace(IMPATIENT, **patience))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_whole_and_alone(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT)) as host:
        assert get(host, tmp_path / "file", sha256=SHA256.upper()) == SHA256
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == {"file"}


def test_a_broken_connection_is_resumed_where_it_broke(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT, breaks_after=[300_000, 200_000])) as host:
        assert get(host, tmp_path / "file") == SHA256
    assert host.ranges() == ["", "bytes=300000-", "bytes=500000-"]
    assert {request.get("If-Range", '"v1"') for request in host.requests} == {'"v1"'}


def test_a_later_start_goes_on_with_what_is_there(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT, breaks_after=[300_000, 0])) as host:
        with pytest.raises(DownloadFailed):
            get(host, tmp_path / "file", n_tries=1)
        assert names(tmp_path) == {"file.part", "file.part.json"}
        assert get(host, tmp_path / "file") == SHA256
    assert host.ranges()[-1] == "bytes=300000-"
    assert names(tmp_path) == {"file"}


def test_a_file_that_changed_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT, breaks_after=[300_000])) as host:
        with pytest.raises(DownloadFailed):
            get(host, tmp_path / "file", n_tries=1)
        host.content, host.etag = CONTENT[::-1], '"v2"'
        get(host, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_tag_nothing_is_glued_together(tmp_path: Path, etag: str) -> None:
    with serving(FileHost(CONTENT, etag=etag, breaks_after=[300_000])) as host:
        assert get(host, tmp_path / "file") == SHA256
    assert host.ranges() == ["", ""]


def test_passing_server_errors_are_waited_out(tmp_path: Path) -> None:
    pauses.clear()
    with serving(FileHost(CONTENT, statuses=[503, 429, 500])) as host:
        assert get(host, tmp_path / "file") == SHA256
    assert pauses == [1, 2, 4]


def test_a_server_that_stays_broken_is_given_up(tmp_path: Path) -> None:
    with (
        serving(FileHost(CONTENT, statuses=[503] * 9)) as host,
        pytest.raises(DownloadFailed, match=r"HTTP 503.*ask somebody"),
    ):
        get(host, tmp_path / "file")
    assert len(host.requests) == IMPATIENT.n_tries


@pytest.mark.parametrize(
    ("status", "found"), [(404, "HTTP 404"), (401, "HTTP 401: it wants a login")]
)
def test_a_refusal_is_not_asked_again(tmp_path: Path, status: int, found: str) -> None:
    with (
        serving(FileHost(CONTENT, statuses=[status])) as host,
        pytest.raises(DownloadFailed, match=f"{found}.*ask somebody"),
    ):
        get(host, tmp_path / "file")
    assert names(tmp_path) == set()


def test_a_web_page_is_no_module(tmp_path: Path) -> None:
    page = FileHost(b"<html>", headers={"Content-Type": "text/html; charset=utf-8"})
    with serving(page) as host, pytest.raises(DownloadFailed, match="answers with a web page"):
        get(host, tmp_path / "file")


def test_another_hash_than_expected_leaves_nothing(tmp_path: Path) -> None:
    with (
        serving(FileHost(CONTENT)) as host,
        pytest.raises(WeightsMissing, match=f"SHA-256 {SHA256}; expected {'0' * 64}"),
    ):
        get(host, tmp_path / "file", sha256="0" * 64)
    assert names(tmp_path) == set()


def test_the_hash_that_the_host_gives_is_compared(tmp_path: Path) -> None:
    md5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
    host = FileHost(CONTENT, headers={"x-goog-hash": f"crc32c=AAAAAA==,md5={md5}"})
    with serving(host):
        get(host, tmp_path / "file")
        host.content = CONTENT[:-1] + b"?"
        with pytest.raises(DownloadFailed, match="the host says"):
            get(host, tmp_path / "other")
    assert names(tmp_path) == {"file"}


def test_a_full_disk_is_noticed_before_the_first_byte(tmp_path: Path) -> None:
    with (
        serving(FileHost(CONTENT)) as host,
        pytest.raises(DiskFull, match=r"1 MB are free .* expected 2 MB.*LOOKALIKE_HOME"),
    ):
        get(host, tmp_path / "file", free=lambda _: 1_000_000)
    assert "file" not in names(tmp_path)


def test_a_disk_that_fills_up_meanwhile_keeps_no_file(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; "
        "from lookalike_worker.modules.download import Wanted, download; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)); "
        "download(Wanted(sys.argv[1]), Path(sys.argv[2]))"
    )
    with serving(FileHost(CONTENT)) as host:
        command = [sys.executable, "-c", code, host.address, str(tmp_path / "file")]
        failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DiskFull: the disk of" in failed.stderr
    assert "file" not in names(tmp_path)


def test_redirects_are_followed(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT, redirects={"/file": "/there"})) as host:
        assert get(host, tmp_path / "file") == SHA256


def test_a_login_does_not_go_to_another_host(tmp_path: Path) -> None:
    with serving(FileHost(CONTENT)) as storage:
        redirects = {"/file": f"{storage.address}/signed"}
        with serving(FileHost(b"", redirects=redirects)) as host:
            wanted = Wanted(f"{host.address}/file", login=("me", "secret"))
            download(wanted, tmp_path / "file", patience=IMPATIENT)
    assert host.requests[0]["Authorization"].startswith("Basic ")
    assert "Authorization" not in storage.requests[0]
    assert "secret" not in repr(wanted)


def test_proxies_of_the_environment_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FileHost(CONTENT)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        digest = download(Wanted("http://hub.example/file"), tmp_path / "file", patience=IMPATIENT)
    assert digest == SHA256
    assert proxy.requests[0]["path"] == "http://hub.example/file"


def test_a_proxy_that_cannot_be_understood_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")
    with pytest.raises(DownloadFailed, match="HTTP_PROXY"):
        download(Wanted("http://hub.example/file"), tmp_path / "file", patience=IMPATIENT)


@pytest.mark.timeout(10)
def test_a_host_that_accepts_and_is_silent_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wanted = Wanted(f"http://127.0.0.1:{silent.getsockname()[1]}/file")
        with pytest.raises(DownloadFailed, match="timed out"):
            download(wanted, tmp_path / "file", patience=replace(IMPATIENT, read_timeout_s=0.2))


def test_progress_counts_the_bytes_that_are_there(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(FileHost(CONTENT, breaks_after=[300_000])) as host:
        download(
            Wanted(f"{host.address}/file"),
            tmp_path / "file",
            on_progress=lambda done, total: seen.append((done, total)),
            patience=IMPATIENT,
        )
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
