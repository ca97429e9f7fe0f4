"""TensorFlow's side: mixed precision and XLA, in a process of its own.

    KERAS_BACKEND=tensorflow python -m benchmarks.gpu.on_tensorflow FILE.npz BATCH SECONDS ENCODER

The file holds weights, images and reference features. The last line is a JSON
object: the measurement, or `skipped` with the reason.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

import benchmarks.gpu.checkout  # noqa: F401  before the worker's modules
from benchmarks.gpu.graphs import builder
from benchmarks.gpu.timing import seconds_a_call
from benchmarks.gpu.variants import Measurement, least_cosine


def main() -> None:
    file, batch, budget_s, encoder = sys.argv[1:]
    try:
        import tensorflow as tf
    except ImportError as error:
        print(json.dumps({"skipped": f"TensorFlow cannot be imported ({error})"}))
        return
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        print(json.dumps({"skipped": "TensorFlow sees no GPU"}))
        return
    tf.config.experimental.set_memory_growth(gpus[0], True)
    with np.load(file) as stored:
        arrays = dict(stored)
    print(json.dumps(_measure(tf, arrays, int(batch), float(budget_s), encoder).fields()))


def _measure(
    tf: Any, arrays: dict[str, Any], batch: int, budget_s: float, encoder: str
) -> Measurement:
    from lookalike_worker.graphs.rewriting import Rewriting, empty, rewritten

    started = time.perf_counter()
    model = rewritten(empty(builder(encoder)), Rewriting(bf16=True))
    weights = [tf.constant(arrays[f"weight_{i}"]) for i in range(len(model.variables))]
    places = {id(variable): i for i, variable in enumerate(model.variables)}

    def forward(images: Any) -> Any:
        trainable, moving = (
            [weights[places[id(variable)]] for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        )
        return tf.cast(model.stateless_call(trainable, moving, images)[0], tf.float32)

    call = tf.function(forward, jit_compile=True, autograph=False)
    golden = arrays["images"]
    images = tf.constant(np.resize(golden, (batch, *golden.shape[1:])))
    features = call(images).numpy()
    compile_s = time.perf_counter() - started
    seconds = seconds_a_call(lambda: call(images), lambda result: result.numpy(), budget_s=budget_s)
    cosine = least_cosine(features, arrays["reference"])
    return Measurement("TensorFlow, bf16, XLA", batch, batch / seconds, cosine, compile_s=compile_s)


if __name__ == "__main__":
    main()
