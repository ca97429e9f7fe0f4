from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import InvalidSetting, WeightsMissing
from lookalike_worker.graphs.label import LABEL
from lookalike_worker.modules.building import Wishes, obtain, renewed
from lookalike_worker.modules.entries import (
    Entry,
    entries,
    find_name,
    find_origin,
    remove,
    unreadable,
    write_record,
)
from lookalike_worker.modules.findings import Findings
from lookalike_worker.modules.record import RECORD, Origin
from tests.unit.worker.modules.small_modules import FakeSource, add, fake_prepare


def never() -> None:
    raise AssertionError


def test_an_entry_is_named_after_its_encoder_and_weights(tmp_path: Path) -> None:
    entry = add(tmp_path)
    assert entry.name == f"small-{entry.record.digest[:12]}"
    assert entries(tmp_path) == [entry]


def test_a_checked_entry_is_a_module(tmp_path: Path) -> None:
    module = add(tmp_path).checked(note="hello")
    assert (module.space.encoder, module.space.dimensions, module.space.trained) == (
        ("small", 3, True)
    )
    assert (module.input_size, module.note, module.architecture) == (32, "hello", "")
    np.testing.assert_array_equal(module.golden, np.ones((8, 3), np.float32))


def test_an_entry_can_be_labelled_as_untrained_when_it_is_used(tmp_path: Path) -> None:
    assert not add(tmp_path).checked(untrained=True).space.trained


def test_what_is_in_the_cache_is_not_made_again(tmp_path: Path) -> None:
    entry = add(tmp_path)
    assert add(tmp_path, FakeSource(on_delivery=never)) == entry


def test_two_workers_that_start_together_make_it_once(tmp_path: Path) -> None:
    deliveries: list[int] = []
    together = threading.Barrier(2)
    source = FakeSource(on_delivery=lambda: deliveries.append(1))

    def start(_: int) -> Entry:
        together.wait()
        return add(tmp_path, source)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, range(2))
    assert first == second
    assert len(deliveries) == 1


def test_a_module_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="it is bad"):
        add(tmp_path, FakeSource(b"bad"))
    assert entries(tmp_path) == []
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"lock"}


def test_what_a_killed_process_left_unfinished_goes(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        add(tmp_path, FakeSource(b"bad"))
    (work,) = (path.parent for path in tmp_path.glob(".work/*/lock"))
    (work / "try-killed").mkdir()
    add(tmp_path)
    assert not (work / "try-killed").exists()


@pytest.mark.parametrize("damage", [b"weightS", b"weight", None])
def test_damaged_files_are_missing_weights(tmp_path: Path, damage: bytes | None) -> None:
    entry = add(tmp_path)
    (entry.directory / "saved_model.pb").unlink()
    if damage is not None:
        (entry.directory / "saved_model.pb").write_bytes(damage)
    with pytest.raises(WeightsMissing, match=r"saved_model\.pb .*lookalike encoder add somewhere"):
        entry.checked()


def test_adding_a_damaged_entry_again_makes_it_anew(tmp_path: Path) -> None:
    entry = add(tmp_path)
    (entry.directory / "saved_model.pb").write_bytes(b"?")
    obtain(tmp_path, FakeSource(), Wishes(sound=True), prepare=fake_prepare).checked()


def test_the_same_weights_from_two_places_are_one_entry(tmp_path: Path) -> None:
    first = add(tmp_path)
    second = add(tmp_path, FakeSource(source="elsewhere"))
    assert [entry.name for entry in entries(tmp_path)] == [first.name]
    assert [origin.source for origin in second.record.origins] == ["somewhere", "elsewhere"]
    assert find_origin(tmp_path, Origin(source="somewhere")) == second


def test_a_name_of_its_own_makes_an_entry_of_its_own(tmp_path: Path) -> None:
    add(tmp_path)
    other = obtain(tmp_path, FakeSource(), Wishes(name="Other!"), prepare=fake_prepare)
    assert other.record.encoder == "other"
    assert len(entries(tmp_path)) == 2


def test_adding_as_untrained_is_remembered(tmp_path: Path) -> None:
    add(tmp_path)
    entry = obtain(tmp_path, FakeSource(), Wishes(untrained=True), prepare=fake_prepare)
    assert not entry.checked().space.trained
    assert '"trained": false' in (entry.directory / LABEL).read_text()
    assert entries(tmp_path) == [entry]


def test_changed_files_at_the_same_path_are_another_origin(tmp_path: Path) -> None:
    entry = add(tmp_path)
    known = dataclasses.replace(entry).record.origins[0].model_copy(update={"stamp": "new"})
    assert find_origin(tmp_path, known) is None


def test_an_entry_is_found_by_its_name_and_by_its_encoder_s(tmp_path: Path) -> None:
    entry = add(tmp_path)
    assert find_name(tmp_path, entry.name) == find_name(tmp_path, "small") == entry
    assert find_name(tmp_path, "large") is None


def test_a_name_that_several_have_is_refused(tmp_path: Path) -> None:
    names = {add(tmp_path).name, add(tmp_path, FakeSource(b"other", source="there")).name}
    with pytest.raises(InvalidSetting) as caught:
        find_name(tmp_path, "small")
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize("record", ["{", '{"version": 2}', ""])
def test_a_record_that_cannot_be_read_is_no_entry_and_is_replaced(
    tmp_path: Path, record: str
) -> None:
    entry = add(tmp_path)
    (entry.directory / RECORD).write_text(record)
    assert entries(tmp_path) == []
    assert unreadable(tmp_path) == [entry.name]
    assert add(tmp_path).checked().space == entry.record.space()


def test_a_removed_entry_is_gone(tmp_path: Path) -> None:
    entry = add(tmp_path)
    remove(tmp_path, entry.name)
    assert entries(tmp_path) == []
    assert not entry.directory.exists()


def test_folders_of_earlier_releases_are_left_alone(tmp_path: Path) -> None:
    old = tmp_path / "efficientnet_lite0-1"
    old.mkdir()
    assert entries(tmp_path) == []


def test_golden_features_of_another_release_are_computed_anew(tmp_path: Path) -> None:
    entry = add(tmp_path)
    old = entry.record.model_copy(update={"golden_images": "before"})
    (entry.directory / entry.record.golden_file).rename(entry.directory / old.golden_file)
    files = [f for f in old.files if f.path != entry.record.golden_file]
    old = old.model_copy(update={"files": tuple(files)})
    write_record(entry.directory, old)
    (stale,) = entries(tmp_path)
    np.save(entry.directory / old.golden_file, np.zeros((8, 3), np.float32))

    def examine(directory: Path, name: str, folder: Path) -> Findings:
        return Findings(old.digest, 3, 32, np.full((8, 3), 2, np.float32), True)

    module = renewed(tmp_path, stale, examine=examine).checked()
    assert module.golden.min() == 2
    assert entries(tmp_path)[0].checked().golden.min() == 2


def test_golden_features_of_this_release_stay(tmp_path: Path) -> None:
    entry = add(tmp_path)
    assert renewed(tmp_path, entry, examine=lambda *_: never()) is entry  # type: ignore[arg-type]
