"""What the processor's matrix products can do at most: the ceiling of any runtime on it."""

from __future__ import annotations

import time

import numpy as np

# NASNet-A Large at 331 x 331: 23.8 G multiply-adds an image.
NASNET_LARGE_FLOPS = 47.6e9

_SIDE = 4096


def matrix_product_flops(precision: str) -> float:
    """Floating-point operations a second of a 4096 x 4096 product by OpenVINO, best of five."""
    import openvino as ov
    from openvino import opset13 as operations

    generator = np.random.default_rng(0)
    left = operations.parameter([_SIDE, _SIDE], np.float32)
    right = operations.constant(generator.random((_SIDE, _SIDE), np.float32))
    model = ov.Model([operations.matmul(left, right, False, False)], [left])
    options = {"INFERENCE_PRECISION_HINT": precision, "ENABLE_CPU_PINNING": False}
    product = ov.compile_model(model, "CPU", options)
    values = generator.random((_SIDE, _SIDE), np.float32)
    product([values])
    return 2.0 * _SIDE**3 / min(_seconds(lambda: product([values])) for _ in range(5))


def _seconds(call: object) -> float:
    assert callable(call)
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
