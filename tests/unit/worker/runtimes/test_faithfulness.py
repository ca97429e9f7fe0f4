from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import RuntimeDisagrees
from lookalike.features import Features
from lookalike_worker.runtimes.faithfulness import agreement, check_reference
from tests.unit.worker.runtimes.scripted import scripted_module

STORED = scripted_module().golden


def tilted(by: float) -> Features:
    """The stored features, turned away from themselves."""
    features: Features = STORED * np.array([1, 1 + by, 1 - by], np.float32)
    return features


def check(*, ours: Features = STORED, module: Features = STORED) -> None:
    check_reference(
        STORED, scripted_module().space, runtime="scripted-fp32", ours=ours, module=module
    )


def test_the_least_cosine_of_all_rows_counts() -> None:
    one_is_turned = STORED.copy()
    one_is_turned[3] = tilted(0.5)[3]
    assert agreement(STORED, STORED) == pytest.approx(1)
    assert agreement(one_is_turned, STORED) == pytest.approx(
        agreement(tilted(0.5), STORED), abs=0.1
    )


@pytest.mark.parametrize("ours", [STORED[:7], STORED[:, :2], STORED * np.nan])
def test_another_shape_or_no_numbers_never_agree(ours: Features) -> None:
    assert agreement(ours, STORED) == -1


def test_rounding_agrees_with_the_stored_reference() -> None:
    check(ours=STORED.astype(np.float16).astype(np.float32), module=STORED * np.float32(1.0001))


def test_a_runtime_that_disagrees_with_the_stored_reference_is_named() -> None:
    with pytest.raises(RuntimeDisagrees, match=r"runtime scripted-fp32 disagrees .* scripted@"):
        check(ours=tilted(0.2))


def test_a_module_that_disagrees_with_the_stored_reference_is_to_be_verified() -> None:
    with pytest.raises(RuntimeDisagrees, match=r"scripted-fp32 .* `lookalike encoder verify`"):
        check(ours=tilted(0.2), module=tilted(0.2))
