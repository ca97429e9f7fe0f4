"""The reader of checkpoints against TensorFlow's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import WeightsMissing
from lookalike_worker.graphs.checkpoint import read_checkpoint
from lookalike_worker.quiet_tensorflow import tf


def written(folder: Path, values: list[object]) -> Path:
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable(value) for value in values]
    return Path(root.write(str(folder / "variables")))


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose index has several blocks, with shapes and types of every kind."""
    generator = np.random.default_rng(0)
    values: list[object] = [generator.random((i % 5, 3), np.float32) for i in range(300)]
    values += [
        np.float64(1.5),
        np.array([-1, 2**40]),
        np.array([0.5], np.float16),
        np.array([True]),
    ]
    return written(tmp_path_factory.mktemp("checkpoint"), values)


def test_every_tensor_is_what_tensorflow_reads(prefix: Path) -> None:
    theirs = tf.train.load_checkpoint(str(prefix))
    names = set(theirs.get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    ours = read_checkpoint(prefix)
    assert ours.keys() == names
    for name, array in ours.items():
        assert array.dtype == np.asarray(theirs.get_tensor(name)).dtype
        np.testing.assert_array_equal(array, theirs.get_tensor(name))


def test_reading_takes_no_copy(prefix: Path) -> None:
    arrays = read_checkpoint(prefix).values()
    assert not any(array.flags.owndata or array.flags.writeable for array in arrays)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_truncated_file_is_missing_weights(tmp_path: Path, name: str, share: float) -> None:
    prefix = written(tmp_path, [np.ones((40, 40), np.float32)] * 50)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsMissing, match="fetch or export the module again"):
        read_checkpoint(prefix)


def test_an_absent_checkpoint_is_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="No such file"):
        read_checkpoint(tmp_path / "variables")


def test_a_damaged_index_never_fails_in_another_way(tmp_path: Path) -> None:
    prefix = written(tmp_path, [np.ones(3, np.float32)] * 5)
    index = tmp_path / "variables.index"
    content = index.read_bytes()
    for position in range(len(content)):
        index.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
        with suppress(WeightsMissing):
            read_checkpoint(prefix)


def test_several_parts_are_refused(tmp_path: Path) -> None:
    prefix = written(tmp_path, [np.ones(3, np.float32)])
    index = tmp_path / "variables.index"
    # The header is the first value: field 1, the number of parts, says one.
    index.write_bytes(index.read_bytes().replace(b"\x08\x01\x1a\x02", b"\x08\x02\x1a\x02", 1))
    with pytest.raises(WeightsMissing, match="several parts"):
        read_checkpoint(prefix)
