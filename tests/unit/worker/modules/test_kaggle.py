from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from lookalike.errors import InvalidSetting
from lookalike_worker.modules.kaggle import is_kaggle, login, parse_kaggle
from lookalike_worker.modules.sources import Remote, find_source
from tests.file_host import FileHost, serving

HANDLE = "kaggle:google/nasnet/tensorFlow2/large-feature-vector/4"
PAGE = "https://www.kaggle.com/models/google/nasnet"
API = (
    "https://www.kaggle.com/api/v1/models/google/nasnet/tensorFlow2/large-feature-vector/4/download"
)


@pytest.mark.parametrize(
    "text",
    [
        HANDLE,
        f"{PAGE}/tensorFlow2/large-feature-vector/4",
        f"{PAGE}/frameworks/tensorFlow2/variations/large-feature-vector/versions/4?a=b",
    ],
)
def test_a_handle_and_the_pages_of_a_model_are_the_same(text: str) -> None:
    assert is_kaggle(text)
    model = parse_kaggle(text)
    assert (model.handle, model.address, model.name) == (HANDLE, API, "nasnet_large")


@pytest.mark.parametrize(
    "text",
    [
        "kaggle:google/nasnet/tensorFlow2/large-feature-vector",
        "kaggle:google/nasnet/tensorFlow2/large-feature-vector/latest",
        "kaggle:google/nasnet/tensorFlow2/../4",
        "https://www.kaggle.com/models/google/nasnet",
        "kaggle:",
    ],
)
def test_a_handle_without_all_its_parts_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="owner/model/framework/variation/version"):
        parse_kaggle(text)


@pytest.mark.parametrize("text", ["https://tfhub.dev/google/x/1", "folder/kaggle", "/models/a"])
def test_other_sources_are_not_kaggle_s(text: str) -> None:
    assert not is_kaggle(text)


def test_a_login_needs_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.delenv("KAGGLE_KEY", raising=False)
    assert login() is None
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    assert login() == ("me", "secret")


def test_the_archive_comes_from_where_the_public_api_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("saved_model.pb"))
    path = API.removeprefix("https://www.kaggle.com")
    with serving(FileHost(content.getvalue(), redirects={path: "/signed"})) as host:
        monkeypatch.setenv("KAGGLE_API_ENDPOINT", host.address)
        source = find_source(HANDLE, untrained=False, cache=tmp_path)
        assert isinstance(source, Remote)
        source.deliver(tmp_path)(tmp_path / "module")
    assert [request["path"] for request in host.requests] == [path, "/signed"]
    assert (tmp_path / "module" / "saved_model.pb").is_file()
    assert not (tmp_path / "download").exists()
