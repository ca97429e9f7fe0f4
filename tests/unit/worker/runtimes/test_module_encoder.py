from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import EncoderExhausted, RuntimeDisagrees
from lookalike_worker.runtimes.batch_sizes import BatchSizes
from lookalike_worker.runtimes.module_encoder import ModuleEncoder
from tests.unit.worker.runtimes.scripted import (
    ScriptedRuntime,
    mean_colours,
    pictures,
    scripted_module,
)


def encoder(runtime: ScriptedRuntime, folder: Path, *, batch_size: int = 0) -> ModuleEncoder:
    return ModuleEncoder(
        scripted_module(),
        runtime,
        batch_sizes=BatchSizes(folder / "batch_sizes.json"),
        machine="this one",
        batch_size=batch_size,
    )


@pytest.mark.parametrize("has_fixed_shapes", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 9])
def test_any_number_of_images_gives_a_row_each_in_order(
    tmp_path: Path, n: int, has_fixed_shapes: bool
) -> None:
    runtime = ScriptedRuntime(has_fixed_shapes=has_fixed_shapes)
    batch = pictures(n)
    features = encoder(runtime, tmp_path, batch_size=4).encode(batch)
    np.testing.assert_allclose(features, mean_colours(batch), rtol=1e-5)


def test_only_prepared_sizes_run_where_shapes_are_fixed(tmp_path: Path) -> None:
    runtime = ScriptedRuntime()
    encoder(runtime, tmp_path, batch_size=4).encode(pictures(11))
    assert set(runtime.runs) <= {1, 4}


def test_batches_are_not_padded_where_any_size_runs(tmp_path: Path) -> None:
    runtime = ScriptedRuntime(has_fixed_shapes=False)
    warm = encoder(runtime, tmp_path, batch_size=4)
    warm.warm_up()
    runtime.runs.clear()
    warm.encode(pictures(7))
    assert runtime.runs == [4, 3]


def test_running_out_of_memory_halves_the_batch_and_loses_no_image(tmp_path: Path) -> None:
    runtime = ScriptedRuntime()
    warm = encoder(runtime, tmp_path, batch_size=8)
    warm.warm_up()
    runtime.most = 3
    batch = pictures(8)
    np.testing.assert_allclose(warm.encode(batch), mean_colours(batch), rtol=1e-5)
    assert warm.batch_size == 2
    assert runtime.prepared == {1, 2}


def test_the_halved_batch_is_remembered_for_the_next_start(tmp_path: Path) -> None:
    runtime = ScriptedRuntime(most=2)
    encoder(runtime, tmp_path, batch_size=8).encode(pictures(8))
    again = encoder(ScriptedRuntime(), tmp_path)
    again.warm_up()
    assert again.batch_size == 2


def test_one_image_that_does_not_fit_is_exhaustion(tmp_path: Path) -> None:
    with pytest.raises(EncoderExhausted):
        encoder(ScriptedRuntime(most=0), tmp_path, batch_size=8).encode(pictures(2))


def test_a_batch_size_is_found_once_and_then_kept(tmp_path: Path) -> None:
    first, second = ScriptedRuntime(most=4), ScriptedRuntime()
    encoder(first, tmp_path).warm_up()
    encoder(second, tmp_path).warm_up()
    assert max(second.runs) <= 4


def test_another_machine_s_batch_size_does_not_count(tmp_path: Path) -> None:
    sizes = BatchSizes(tmp_path / "batch_sizes.json")
    sizes.keep(f"another | {scripted_module().space.digest[:12]} | scripted-fp32", 64)
    warm = encoder(ScriptedRuntime(), tmp_path)
    warm.warm_up()
    assert warm.batch_size < 64


def test_after_warming_up_nothing_else_is_prepared(tmp_path: Path) -> None:
    runtime = ScriptedRuntime(most=4)
    warm = encoder(runtime, tmp_path)
    warm.warm_up()
    assert runtime.prepared == {1, warm.batch_size}


def test_a_runtime_that_disagrees_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeDisagrees, match=r"scripted-fp32.*cosine of 0\.9.*LOOKALIKE_"):
        encoder(ScriptedRuntime(tilt=0.2), tmp_path, batch_size=1).warm_up()


def test_a_runtime_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeDisagrees):
        encoder(ScriptedRuntime(tilt=float("nan")), tmp_path, batch_size=1).warm_up()
