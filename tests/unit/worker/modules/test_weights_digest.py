from __future__ import annotations

import numpy as np

from lookalike_worker.modules.weights_digest import digest_weights

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS = np.ones(3, np.float32)


def digest(*weights: np.ndarray, preprocessing: str = "resize 8", dimensions: int = 3) -> str:
    return digest_weights(weights, preprocessing=preprocessing, dimensions=dimensions)


def test_the_digest_stays_what_it_was_in_earlier_releases() -> None:
    assert (
        digest(KERNEL, BIAS) == "f64dd77ce6008a04a7f685734cf863068d7b62c6c45f889b75d29c31eb44b1e7"
    )


def test_order_and_layout_do_not_count() -> None:
    assert digest(KERNEL, BIAS) == digest(BIAS, np.asfortranarray(KERNEL))


def test_the_byte_order_of_the_machine_does_not_count() -> None:
    assert digest(KERNEL) == digest(KERNEL.astype(">f4"))


def test_one_changed_number_is_another_space() -> None:
    changed = KERNEL.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], np.float32(9))
    assert digest(KERNEL, BIAS) != digest(changed, BIAS)


def test_shape_preprocessing_and_dimensions_count() -> None:
    others = {
        digest(KERNEL),
        digest(KERNEL.reshape(3, 2)),
        digest(KERNEL, preprocessing="resize 9"),
        digest(KERNEL, dimensions=4),
    }
    assert len(others) == 4
