from __future__ import annotations

import hashlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike_worker.modules import sources as modules
from lookalike_worker.modules.hub import NASNET_LARGE
from lookalike_worker.modules.sources import Module, resolve


def saved_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def closed_address() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/google/nasnet_large/feature_vector/4"


def test_a_folder_is_named_after_itself_and_counts_as_trained(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "My Encoder")
    module = resolve(str(folder), untrained=False, cache=tmp_path / "cache")
    assert (module.directory, module.name, module.trained) == (folder, "my_encoder", True)


def test_a_copied_export_stays_labelled_as_untrained(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "copied")
    (folder / "assets.extra").mkdir()
    label = {"encoder": "nasnet_large", "trained": False}
    (folder / "assets.extra" / "lookalike.json").write_text(json.dumps(label))
    module = resolve(str(folder), untrained=False, cache=tmp_path / "cache")
    assert (module.name, module.trained) == ("nasnet_large", False)


def test_an_absent_folder_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no such folder.*efficientnet_lite0.*handle"):
        resolve(str(tmp_path / "none"), untrained=False, cache=tmp_path / "cache")


def test_a_folder_without_a_saved_model_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"holds no saved_model\.pb"):
        resolve(str(tmp_path), untrained=False, cache=tmp_path / "cache")


@pytest.mark.timeout(10)
def test_an_unreachable_handle_is_missing_weights_at_once(tmp_path: Path) -> None:
    handle = closed_address()
    with pytest.raises(WeightsMissing, match=r"refused.*LOOKALIKE_ENCODER") as caught:
        resolve(handle, untrained=False, cache=tmp_path)
    assert caught.value.value == handle


def test_nasnet_in_the_cache_needs_no_network(tmp_path: Path) -> None:
    name = hashlib.sha1(NASNET_LARGE.encode()).hexdigest()
    folder = saved_model(tmp_path / name)
    module = resolve("nasnet_large", untrained=False, cache=tmp_path)
    assert (module.directory, module.name, module.trained) == (folder, "nasnet_large", True)


def test_auto_says_why_another_encoder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules, "NASNET_LARGE", closed_address())
    saved_model(tmp_path / modules.EFFICIENTNET_LITE0_EXPORT)
    module = resolve("auto", untrained=False, cache=tmp_path)
    assert module.name == "efficientnet_lite0"
    assert "refused" in module.note
    assert "LOOKALIKE_ENCODER" in module.note
    assert "\n" not in module.note


def test_untrained_efficientnet_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="nasnet_large"):
        resolve("efficientnet_lite0", untrained=True, cache=tmp_path)


def test_an_export_that_broke_off_is_made_again(tmp_path: Path) -> None:
    def export(folder: Path) -> None:
        saved_model(folder)

    broken = tmp_path / "mine.unfinished"
    broken.mkdir()
    (broken / "half").touch()
    module = modules.export_once("mine", tmp_path / "mine", lambda: export, trained=False)
    assert not module.trained
    assert not (module.directory / "half").exists()


def test_an_export_in_the_cache_is_not_made_again(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "mine")

    def never() -> modules.Export:
        raise AssertionError

    assert modules.export_once("mine", folder, never, trained=True).directory == folder


def test_two_workers_that_start_together_export_once(tmp_path: Path) -> None:
    exports: list[Path] = []
    together = threading.Barrier(2)

    def export(folder: Path) -> None:
        exports.append(saved_model(folder))

    def start(_: int) -> Module:
        together.wait()
        return modules.export_once("mine", tmp_path / "mine", lambda: export, trained=True)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, range(2))
    assert first == second
    assert len(exports) == 1


def test_a_home_that_cannot_be_made_is_an_invalid_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match="LOOKALIKE_HOME"):
        resolve("auto", untrained=False, cache=tmp_path / "file" / "encoders")
