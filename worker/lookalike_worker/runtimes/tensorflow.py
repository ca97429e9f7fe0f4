"""TensorFlow on a processor or a GPU: the module's own library, so it can run every module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lookalike.errors import EncoderExhausted, WeightsMissing
from lookalike.features import Features
from lookalike_worker.encoder import Batch
from lookalike_worker.modules.module import Module
from lookalike_worker.quiet_tensorflow import convert_variables_to_constants_v2, tf
from lookalike_worker.runtimes.choose import Precision

# oneDNN's rewriting of a graph to bfloat16, as far as it stays accurate.
_CPU_BF16 = {"auto_mixed_precision_onednn_bfloat16": True}
# The same for tensor cores: float16, with the operations that need it left in float32.
_GPU_MIXED = {"auto_mixed_precision": True}


class TensorflowRuntime:
    """A module as TensorFlow runs it; one graph with an open batch dimension serves every size.

    `is_frozen` folds the weights into the graph: 1.2 times the images/s of
    NASNet-A Large on a processor, and three times the memory (6.6 GiB at start).
    """

    def __init__(
        self,
        module: Module,
        *,
        precision: Precision,
        on_gpu: bool,
        n_threads: int,
        is_frozen: bool = False,
    ) -> None:
        """Load the module; raises WeightsMissing if it is damaged."""
        device = _prepare_device(on_gpu=on_gpu, n_threads=n_threads)
        # XLA compiles each shape apart, so on a GPU only prepared sizes run.
        self.has_fixed_shapes = on_gpu
        kind = "tensorflow-frozen" if is_frozen else "tensorflow"
        self.name = f"{kind}-{precision}"
        self.description = (
            f"TensorFlow {tf.__version__}{' (frozen graph)' if is_frozen else ''} in "
            f"{'mixed precision with XLA' if on_gpu and precision == 'bf16' else precision} "
            f"on {device}"
        )
        self._options = {"fp32": {}, "bf16": _GPU_MIXED if on_gpu else _CPU_BF16}[precision]
        self._call = _load(module, is_frozen=is_frozen)

    def prepare(self, batch_size: int) -> None:
        """Nothing to do: TensorFlow prepares a size when it first runs."""

    def release(self, batch_size: int) -> None:
        """Nothing is held for a size."""

    def run(self, batch: Batch) -> Features:
        try:
            with _optimized(self._options):
                features: Features = self._call(tf.constant(batch, tf.float32)).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise EncoderExhausted(
                f"TensorFlow ran out of memory with a batch of {len(batch)} images; expected it "
                "to fit: free some memory, or set LOOKALIKE_BATCH_SIZE to a smaller number",
                value=len(batch),
            ) from error
        return features


def gpu_name() -> str:
    """The GPU that TensorFlow would use, or an empty string."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return ""
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "a GPU"))


def _prepare_device(*, on_gpu: bool, n_threads: int) -> str:
    """Set the process's device up, before its first operation; its name for people."""
    if on_gpu:
        for gpu in tf.config.list_physical_devices("GPU"):
            # Else TensorFlow takes all memory at once, and a second worker finds none.
            tf.config.experimental.set_memory_growth(gpu, True)
        # Clusters of the whole graph, after the rewriting to mixed precision. On a processor
        # XLA is seven times slower than TensorFlow's own kernels.
        tf.config.optimizer.set_jit("autoclustering")
        return gpu_name()
    if tf.config.threading.get_intra_op_parallelism_threads() != n_threads:
        _set_threads(n_threads)
    return f"the processor, {n_threads} threads"


def _set_threads(n_threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
    except RuntimeError:
        # TensorFlow has run before in this process, as in tests: its threads are started.
        return


def _load(module: Module, *, is_frozen: bool) -> Callable[[Any], Any]:
    try:
        loaded = tf.saved_model.load(str(module.directory))
        serving = loaded.signatures["serving_default"]
        frozen = convert_variables_to_constants_v2(serving) if is_frozen else None
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise WeightsMissing(
            f"the module in {module.directory} cannot be loaded ({error}); expected the SavedModel "
            "that was verified: run `lookalike encoder verify`, and add it again if it is damaged",
            value=str(module.directory),
        ) from error
    if frozen is not None:
        return lambda images: frozen(images)[0]
    (name,) = serving.structured_input_signature[1]
    call = tf.function(
        lambda images: next(iter(serving(**{name: images}).values())),
        input_signature=[
            tf.TensorSpec((None, module.input_size, module.input_size, 3), tf.float32)
        ],
        # It writes Python files into the temporary folder, and a killed worker leaves them.
        autograph=False,
    )
    # The function holds its variables weakly.
    call.module = loaded
    return call  # type: ignore[no-any-return]


@contextmanager
def _optimized(options: dict[str, bool]) -> Iterator[None]:
    """Optimizer options for what is called in the block: they are read at a graph's first call."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(options)
    try:
        yield
    finally:
        off = dict.fromkeys(options, False)
        tf.config.optimizer.set_experimental_options(off | before)
