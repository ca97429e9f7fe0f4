"""Downloads, archives, weight files and classifiers on their way into the cache."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.errors import DownloadFailed, WeightsMissing
from lookalike_worker.graphs.head import load_head
from lookalike_worker.modules.building import Wishes, obtain
from lookalike_worker.modules.entries import entries
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import find_source, resolve
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import tf
from tests.contract.exported import export_classifier, export_small
from tests.file_host import FileHost, serving


def archive_of(folder: Path, **escaping: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
        for name, escaped in escaping.items():
            info = tarfile.TarInfo(f"../../{name}")
            info.size = len(escaped)
            tar.addfile(info, io.BytesIO(escaped))
    return content.getvalue()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FileHost]:
    with serving(FileHost(archive_of(export_small(tmp_path / "exported")))) as serving_host:
        yield serving_host


def resolved(handle: str, cache: Path) -> Module:
    return resolve(handle, untrained=False, cache=cache)


def files_left(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*") if path.is_file()}


def test_a_handle_is_downloaded_once_and_works_offline_ever_after(tmp_path: Path) -> None:
    content = archive_of(export_small(tmp_path / "exported"))
    with serving(FileHost(content)) as host:
        handle = f"{host.address}/someone/small_net/feature_vector/2"
        module = resolved(handle, tmp_path / "cache")
    assert host.requests[0]["path"] == (
        "/someone/small_net/feature_vector/2?tf-hub-format=compressed"
    )
    assert module.space.encoder == "small_net"
    assert resolved(handle, tmp_path / "cache").space == module.space
    assert len(host.requests) == 1


def test_a_download_that_broke_off_is_finished_later(tmp_path: Path, host: FileHost) -> None:
    host.breaks_after += [100]
    module = resolved(f"{host.address}/net.tar.gz#sha256={sha256(host)}", tmp_path / "cache")
    assert host.ranges() == ["", "bytes=100-"]
    assert module.space.encoder == "net"


def sha256(host: FileHost) -> str:
    return hashlib.sha256(host.content).hexdigest()


def test_another_hash_is_refused_and_nothing_is_kept(tmp_path: Path, host: FileHost) -> None:
    with pytest.raises(WeightsMissing, match=r"expected 0000.*from a place that you trust"):
        resolved(f"{host.address}/net.tar.gz#sha256={'0' * 64}", tmp_path / "cache")
    assert files_left(tmp_path / "cache") == {"lock"}


def test_a_truncated_archive_is_refused_and_nothing_is_kept(tmp_path: Path, host: FileHost) -> None:
    host.content = host.content[:-20]
    with pytest.raises(WeightsMissing, match=r"truncated or damaged.*get it again"):
        resolved(f"{host.address}/net.tar.gz", tmp_path / "cache")
    assert files_left(tmp_path / "cache") == {"lock"}


def test_an_archive_that_leaves_its_folder_is_refused_and_nothing_is_kept(
    tmp_path: Path, host: FileHost
) -> None:
    host.content = archive_of(tmp_path / "exported", escaped=b"x")
    with pytest.raises(WeightsMissing, match=r"was refused.*do not use it"):
        resolved(f"{host.address}/net.tar.gz", tmp_path / "cache")
    assert files_left(tmp_path / "cache") == {"lock"}
    assert not list(tmp_path.rglob("escaped"))


def test_a_module_with_another_signature_is_refused_and_nothing_is_kept(
    tmp_path: Path, host: FileHost
) -> None:
    host.content = archive_of(export_small(tmp_path / "other", rank=3))
    with pytest.raises(WeightsMissing, match=r"array of shape .*give another folder or handle"):
        resolved(f"{host.address}/net/1", tmp_path / "cache")
    assert files_left(tmp_path / "cache") == {"lock"}


def test_what_is_no_archive_is_refused_with_what_it_is(tmp_path: Path, host: FileHost) -> None:
    host.content = b"PK\x03\x04 a zip"
    with pytest.raises(WeightsMissing, match=r"begins with b'PK.*what the address really gives"):
        resolved(f"{host.address}/net/1", tmp_path / "cache")


def test_a_handle_that_is_not_there_says_so(tmp_path: Path, host: FileHost) -> None:
    host.statuses += [404]
    with pytest.raises(DownloadFailed, match=r"HTTP 404.*check the handle"):
        resolved(f"{host.address}/net/1", tmp_path / "cache")


def test_a_classifier_gives_features_and_a_head(tmp_path: Path) -> None:
    module = resolved(str(export_classifier(tmp_path / "net")), tmp_path / "cache")
    assert (module.space.dimensions, module.golden.shape) == (6, (8, 6))
    head = load_head(module.directory)
    assert head is not None
    assert (head.kernel.shape, head.labels[:2]) == ((6, 1001), ("0", "1"))


def test_labels_of_a_file_make_any_module_with_a_last_layer_a_classifier(tmp_path: Path) -> None:
    folder = export_classifier(tmp_path / "net", n_classes=2)
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    source = find_source(str(folder), untrained=False, cache=tmp_path)
    wishes = Wishes("pets", tmp_path / "labels.txt")
    entry = obtain(tmp_path / "cache", source, wishes)
    head = load_head(entry.directory)
    assert head is not None
    assert head.labels == ("cat", "dog")
    assert entry.record.has_head
    assert entry.record.encoder == "pets"


def test_other_labels_for_the_same_weights_need_another_name(tmp_path: Path) -> None:
    folder = export_classifier(tmp_path / "net", n_classes=2)
    source = find_source(str(folder), untrained=False, cache=tmp_path)
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (tmp_path / "others.txt").write_text("cat\ncow\n")
    obtain(tmp_path / "cache", source, Wishes(labels=tmp_path / "labels.txt"))
    with pytest.raises(WeightsMissing, match="--name NAME"):
        obtain(tmp_path / "cache", source, Wishes(labels=tmp_path / "others.txt"))
    assert len(entries(tmp_path / "cache")) == 1


def test_an_archive_of_an_entry_enters_another_cache_without_its_record(
    tmp_path: Path, host: FileHost
) -> None:
    first = resolved(f"{host.address}/net.tar.gz", tmp_path / "cache")
    (first.directory / "golden-old.npy").touch()
    host.content = archive_of(first.directory)
    again = resolved(f"{host.address}/net.tar.gz", tmp_path / "other cache")
    assert again.space == first.space
    assert not (again.directory / "golden-old.npy").exists()


# Keras 3.15 asks TensorFlow's variables for arrays in NumPy 1's way.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_weight_file_is_told_by_its_contents(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(
        tmp_path / "any.weights.h5"
    )
    (tmp_path / "any.weights.h5").rename(tmp_path / "renamed")
    with pytest.raises(WeightsMissing, match="NASNet"):
        resolved(str(tmp_path / "renamed"), tmp_path / "cache")


@pytest.mark.parametrize("given", ["model.ckpt", "."])
def test_a_checkpoint_is_told_by_its_index(tmp_path: Path, given: str) -> None:
    tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "inner" / "model.ckpt"))
    with pytest.raises(WeightsMissing, match="NASNet"):
        resolved(str(tmp_path / "inner" / given), tmp_path / "cache")
