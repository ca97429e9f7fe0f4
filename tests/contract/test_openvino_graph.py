from __future__ import annotations

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
from openvino import opset12 as operations

from lookalike_worker.runtimes.openvino_graph import fold_crops

SHAPE = (2, 3, 5, 6)


def shifted(*, back: tuple[int, ...] = (0, 3, 1, 2), step: int = 1) -> ov.Model:
    """Pad the ends of both axes, and crop the beginnings in the other order of axes."""
    images = operations.parameter(SHAPE, np.float32)
    padded = operations.pad(
        images, [0, 0, 0, 0], [0, 0, 1, 2], "constant", operations.constant(np.float32(0))
    )
    turned = operations.transpose(padded, [0, 2, 3, 1])
    cropped = operations.strided_slice(
        turned, [0, 1, 2, 0], [0, 0, 0, 0], [1, step, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]
    )
    return ov.Model([operations.transpose(cropped, list(back))], [images])


def run(model: ov.Model) -> npt.NDArray[np.float32]:
    images = np.random.default_rng(1).random(SHAPE, np.float32)
    result: npt.NDArray[np.float32] = ov.compile_model(model, "CPU")([images])[0]
    return result


def kinds(model: ov.Model) -> set[str]:
    return {node.get_type_name() for node in model.get_ordered_ops()}


def test_a_crop_after_a_padding_becomes_one_padding_with_the_same_numbers() -> None:
    model = shifted()
    before = run(model)
    assert fold_crops(model) == 1
    assert kinds(model).isdisjoint({"StridedSlice", "Transpose"})
    np.testing.assert_array_equal(run(model), before)


@pytest.mark.parametrize(
    "model", [shifted(back=(0, 1, 2, 3)), shifted(step=2)], ids=["not turned back", "with steps"]
)
def test_what_only_looks_like_it_is_left_alone(model: ov.Model) -> None:
    before = run(model)
    assert fold_crops(model) == 0
    np.testing.assert_array_equal(run(model), before)
