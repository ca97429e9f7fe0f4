"""Modules of other people, from their source into the cache, with TensorFlow looking at them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.golden import golden_images
from lookalike_worker.modules.entries import entries
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve
from lookalike_worker.modules.verification import examine
from lookalike_worker.quiet_tensorflow import hub, tf
from tests.contract.exported import export_small


def resolved(source: Path, cache: Path) -> Module:
    return resolve(str(source), untrained=False, cache=cache)


def test_a_folder_becomes_an_entry_that_outlives_it(tmp_path: Path) -> None:
    folder = export_small(tmp_path / "My Encoder")
    module = resolved(folder, tmp_path / "cache")
    folder.rename(tmp_path / "elsewhere")
    assert resolved(folder, tmp_path / "cache").space == module.space
    assert (module.space.encoder, module.space.dimensions, module.space.trained) == (
        ("my_encoder", 3, True)
    )
    assert (module.input_size, module.architecture) == (48, "")


def test_the_golden_features_are_those_of_the_module(tmp_path: Path) -> None:
    module = resolved(export_small(tmp_path / "m"), tmp_path / "cache")
    images = golden_images(48)
    direct = hub.load(str(module.directory))(tf.constant(images)).numpy()
    np.testing.assert_allclose(module.golden, direct, rtol=1e-5)
    np.testing.assert_allclose(module.golden, images.mean((1, 2)) * np.array([1, 2, 3]), rtol=1e-4)


def test_an_archive_of_a_folder_is_the_same_module(tmp_path: Path) -> None:
    folder = export_small(tmp_path / "m")
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname="inner/folder")
    from_archive = resolved(tmp_path / "m.tar.gz", tmp_path / "cache")
    assert resolved(folder, tmp_path / "cache").space == from_archive.space
    assert len(entries(tmp_path / "cache")) == 1


def test_the_space_depends_on_the_weights_alone(tmp_path: Path) -> None:
    here, there, other = (
        examine(export_small(tmp_path / name, weights=weights), name).digest
        for name, weights in (("a", (1.0, 2.0)), ("b", (1.0, 2.0)), ("c", (1.0, 3.0)))
    )
    assert here == there != other


@pytest.mark.parametrize(("name", "size"), [("inception_v3", 299), ("anything", 224)])
def test_a_module_for_any_size_gets_the_size_it_is_known_for(
    tmp_path: Path, name: str, size: int
) -> None:
    assert examine(export_small(tmp_path / "m", size=None), name).input_size == size


def test_4032_features_of_any_size_are_nasnet_s_whatever_it_is_called(tmp_path: Path) -> None:
    folder = export_small(tmp_path / "m", size=None, weights=(1.0,) * 4032)
    module = resolved(folder, tmp_path / "cache")
    assert (module.space.encoder, module.input_size) == ("nasnet_large", 331)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"rank": 3}, "array of shape"),
        ({"dtype": tf.uint8}, "it takes uint8"),
        ({"weights": (1.0, float("nan"), 1.0)}, "not finite"),
    ],
)
def test_a_module_with_another_signature_is_refused(
    tmp_path: Path, options: dict[str, object], found: str
) -> None:
    folder = export_small(tmp_path / "m", **options)  # type: ignore[arg-type]
    with pytest.raises(WeightsMissing, match=f"{found}.*expected a TF2 SavedModel"):
        resolved(folder, tmp_path / "cache")
    assert entries(tmp_path / "cache") == []


def test_a_damaged_module_is_missing_weights(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(WeightsMissing, match="get this one anew if it is damaged"):
        resolved(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize("options", [{"served": False}, {"size": None}])
def test_a_module_that_is_not_served_as_runtimes_read_it_is_wrapped(
    tmp_path: Path, options: dict[str, object]
) -> None:
    folder = export_small(tmp_path / "m", **options)  # type: ignore[arg-type]
    module = resolved(folder, tmp_path / "cache")
    served = hub.load(str(module.directory)).signatures["serving_default"]
    ((_, images),) = served.structured_input_signature[1].items()
    ((_, features),) = served.structured_outputs.items()
    assert images.shape.as_list() == [None, module.input_size, module.input_size, 3]
    assert features.shape.as_list() == [None, 3]
