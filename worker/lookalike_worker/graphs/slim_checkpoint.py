"""The original TF-Slim checkpoint of NASNet-A Large, put into its graph.

`nasnet-a_large_04_10_2017/model.ckpt`, from which the hub's module was exported too.
Every variable in it is either taken or known to be of no use for features.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.feature_vector import save_feature_vector
from lookalike_worker.graphs.head import BACKGROUND, Head, save_head
from lookalike_worker.graphs.label import Label
from lookalike_worker.graphs.nasnet_slim import ARCHITECTURE, nasnet_large_slim_graph
from lookalike_worker.graphs.path_dropout import with_path_dropout
from lookalike_worker.graphs.slim_names import slim_variables
from lookalike_worker.quiet_tensorflow import tf

Shape = tuple[int, ...]

_FIRST = "conv0/weights"
KERNEL, BIAS = "final_layer/FC/weights", "final_layer/FC/biases"

# The moving average over training steps, by which slim evaluates: better than the last step's.
_SHADOW = "/ExponentialMovingAverage"

# The auxiliary classifier helps training only; slots are the optimizer's memory.
_IGNORED = re.compile(
    r"global_step|aux_\d+/aux_logits/.+|.+/(RMSProp|Momentum|Adam|Adagrad)(_\d+)?"
)

_N_LISTED = 5


class Checkpoint(Protocol):
    """What TensorFlow's reader of checkpoints offers."""

    def get_variable_to_shape_map(self) -> Mapping[str, Iterable[int]]: ...

    def get_tensor(self, name: str) -> npt.NDArray[np.float32]: ...


def export_slim_checkpoint(prefix: Path, directory: Path) -> None:
    """Write the checkpoint `prefix` (without .index) as a feature vector module with a head.

    Where a variable has a shadow, its exponential moving average, that is
    taken. Raises WeightsMissing, with what is missing, unexpected or of another
    shape, where it is no checkpoint of NASNet-A Large, or is damaged.
    """
    checkpoint = _open(prefix)
    model = nasnet_large_slim_graph()
    try:
        assign_checkpoint(model, checkpoint)
        head = read_head(checkpoint)
    except (tf.errors.OpError, ValueError) as error:
        raise _unusable(prefix, error) from error
    label = Label("nasnet_large", trained=True, architecture=ARCHITECTURE)
    save_feature_vector(model, directory, trained_as=with_path_dropout(model), label=label)
    if head:
        save_head(head, directory)


def _open(prefix: Path) -> Any:
    """The reader of a checkpoint that looks like NASNet's: building its graph takes seconds."""
    try:
        checkpoint = tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, ValueError) as error:
        raise _unusable(prefix, error) from error
    names = checkpoint.get_variable_to_shape_map()
    if _best_of(_FIRST, names) not in names:
        raise _unusable(
            prefix, f"no {_FIRST} among its {len(names)} variables: {_listed(sorted(names))}"
        )
    return checkpoint


def _unusable(prefix: Path, cause: object) -> WeightsMissing:
    return WeightsMissing(
        f"{prefix} is no checkpoint of NASNet-A Large ({cause}); expected TF-Slim's "
        "nasnet-a_large_04_10_2017/model.ckpt, its .index and .data files side by side: give "
        "that path without the extension",
        value=str(prefix),
    )


def assign_checkpoint(model: Any, checkpoint: Checkpoint) -> None:
    """Give a NASNet-A the variables of a checkpoint; raises ValueError unless all is accounted for.

    Works for any number of cells and filters: the names follow from the graph.
    """
    variables = dict(slim_variables(model))
    shapes = {name: tuple(shape) for name, shape in checkpoint.get_variable_to_shape_map().items()}
    _check({name: tuple(variable.shape) for name, variable in variables.items()}, shapes)
    for name, variable in variables.items():
        variable.assign(checkpoint.get_tensor(_best_of(name, shapes)))


def read_head(checkpoint: Checkpoint) -> Head | None:
    """The classifier behind the features, if the checkpoint has one; class 0 is the background."""
    shapes = checkpoint.get_variable_to_shape_map()
    if _best_of(KERNEL, shapes) not in shapes or _best_of(BIAS, shapes) not in shapes:
        return None
    kernel, bias = (checkpoint.get_tensor(_best_of(name, shapes)) for name in (KERNEL, BIAS))
    labels = (BACKGROUND, *(str(number) for number in range(1, len(bias))))
    return Head(kernel, bias, labels)


def _best_of(name: str, present: Iterable[str]) -> str:
    shadow = f"{name}{_SHADOW}"
    return shadow if shadow in present else name


def _check(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> None:
    missing = [name for name in expected if _best_of(name, found) not in found]
    unexpected = [
        name
        for name in (found_name.removesuffix(_SHADOW) for found_name in found)
        if name not in expected and name not in (KERNEL, BIAS) and not _IGNORED.fullmatch(name)
    ]
    misshapen = [
        f"{name} is {found[_best_of(name, found)]}, not {shape}"
        for name, shape in expected.items()
        if found.get(_best_of(name, found), shape) != shape
    ]
    complaints = [
        *_complaint("missing", [f"{name} {expected[name]}" for name in missing]),
        *_complaint("unexpected", sorted(set(unexpected))),
        *_complaint("of another shape", misshapen),
    ]
    if complaints:
        raise ValueError("; ".join(complaints))


def _complaint(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"{len(names)} variables are {what}: {_listed(names)}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_N_LISTED]) + (", …" if len(names) > _N_LISTED else "")
