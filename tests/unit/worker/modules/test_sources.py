from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import DownloadFailed, InvalidSetting, WeightsMissing
from lookalike_worker.modules import exports, hub
from lookalike_worker.modules.sources import Local, Remote, find_source, resolve
from tests.unit.worker.modules.small_modules import FakeSource, add, saved_model

LITE0 = exports.EFFICIENTNET_LITE0.origin


def closed_address() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/google/nasnet_large/feature_vector/4"


def test_a_module_in_the_cache_needs_no_tensorflow(tmp_path: Path) -> None:
    add(tmp_path, FakeSource(source=LITE0.source, stamp=LITE0.stamp))
    question = (
        "import sys; from pathlib import Path; "
        "from lookalike_worker.modules.sources import resolve; "
        f"resolve('efficientnet_lite0', untrained=False, cache=Path({str(tmp_path)!r})); "
        "print(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )
    roots = {name.split(".")[0] for name in answer.stdout.split()}
    assert not roots & {"tensorflow", "tensorflow_hub", "keras", "openvino", "jax"}


def test_an_absent_path_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"neither here nor.*efficientnet_lite0.*handle"):
        resolve(str(tmp_path / "none"), untrained=False, cache=tmp_path / "cache")


def test_a_source_that_went_away_is_still_in_the_cache(tmp_path: Path) -> None:
    entry = add(tmp_path / "cache", FakeSource(source=str(tmp_path / "gone")))
    module = resolve(str(tmp_path / "gone"), untrained=False, cache=tmp_path / "cache")
    assert module.directory == entry.directory


@pytest.mark.parametrize("by", ["name", "encoder", "path"])
def test_an_entry_is_taken_by_name(tmp_path: Path, by: str) -> None:
    entry = add(tmp_path)
    text = {"name": entry.name, "encoder": "small", "path": str(entry.directory)}[by]
    assert resolve(text, untrained=False, cache=tmp_path).directory == entry.directory


def test_a_folder_comes_before_an_encoder_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()
    with pytest.raises(WeightsMissing, match=r"holds no saved_model\.pb"):
        resolve("small", untrained=False, cache=tmp_path / "cache")


@pytest.mark.timeout(10)
def test_an_unreachable_handle_fails_at_once(tmp_path: Path) -> None:
    handle = closed_address()
    with pytest.raises(DownloadFailed, match=r"refused.*LOOKALIKE_ENCODER") as caught:
        resolve(handle, untrained=False, cache=tmp_path)
    assert handle in str(caught.value.value)


def test_nasnet_means_any_trained_one_in_the_cache_before_the_network(tmp_path: Path) -> None:
    entry = add(tmp_path, FakeSource(name="nasnet_large", source="weights.h5"))
    assert resolve("nasnet_large", untrained=False, cache=tmp_path).directory == entry.directory
    assert resolve("auto", untrained=False, cache=tmp_path).directory == entry.directory


def test_the_hub_s_own_nasnet_comes_first(tmp_path: Path) -> None:
    from_hub = add(tmp_path, FakeSource(name="nasnet_large", source=hub.NASNET_LARGE))
    add(tmp_path, FakeSource(b"others", name="nasnet_large", source="weights.h5"))
    assert resolve("nasnet_large", untrained=False, cache=tmp_path).directory == from_hub.directory


@pytest.mark.parametrize("where", ["TFHUB_CACHE_DIR", "cache"])
def test_a_module_that_the_hub_s_library_unpacked_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder = saved_model(tmp_path / where / hashlib.sha1(hub.NASNET_LARGE.encode()).hexdigest())
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "TFHUB_CACHE_DIR"))
    source = find_source("nasnet_large", untrained=False, cache=tmp_path / "cache")
    assert source == Local(folder, handle=hub.NASNET_LARGE)
    assert (source.origin.source, source.name) == (hub.NASNET_LARGE, "nasnet_large")


def test_auto_says_why_another_encoder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "NASNET_LARGE", closed_address())
    add(tmp_path, FakeSource(source=LITE0.source, stamp=LITE0.stamp, name="efficientnet_lite0"))
    module = resolve("auto", untrained=False, cache=tmp_path)
    assert module.space.encoder == "efficientnet_lite0"
    assert "refused" in module.note
    assert "LOOKALIKE_ENCODER" in module.note
    assert "\n" not in module.note


def test_auto_does_not_hide_that_nasnet_is_damaged(tmp_path: Path) -> None:
    entry = add(tmp_path, FakeSource(name="nasnet_large", source="weights.h5"))
    (entry.directory / "saved_model.pb").write_bytes(b"")
    with pytest.raises(WeightsMissing, match="damaged"):
        resolve("auto", untrained=False, cache=tmp_path)


def test_untrained_efficientnet_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="nasnet_large"):
        resolve("efficientnet_lite0", untrained=True, cache=tmp_path)


def test_a_hash_may_follow_a_handle(tmp_path: Path) -> None:
    digest = "AB" * 32
    source = find_source(
        f"https://host/small/feature_vector/4#sha256={digest}", untrained=False, cache=tmp_path
    )
    assert isinstance(source, Remote)
    assert source.wanted.sha256 == source.origin.sha256 == digest.lower()
    assert source.handle == "https://host/small/feature_vector/4"


@pytest.mark.parametrize("digest", ["abc", "g" * 64])
def test_what_is_no_hash_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(InvalidSetting, match="64 hexadecimal"):
        find_source("x.h5", untrained=False, cache=tmp_path, sha256=digest)


def test_a_local_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"x")
    source = find_source(
        str(tmp_path / "x.tar.gz"), untrained=False, cache=tmp_path, sha256="0" * 64
    )
    with pytest.raises(WeightsMissing, match="expected 0000"):
        source.deliver(tmp_path)


def test_a_changed_file_has_another_stamp(tmp_path: Path) -> None:
    file = tmp_path / "x.h5"
    file.write_bytes(b"one")
    before = Local(file).origin
    file.write_bytes(b"more")
    assert Local(file).origin.stamp != before.stamp
    assert Local(file).origin.source == before.source == str(file)


def test_a_home_that_cannot_be_made_is_an_invalid_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match="LOOKALIKE_HOME"):
        resolve("auto", untrained=False, cache=tmp_path / "file" / "encoders")
