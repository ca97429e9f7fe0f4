"""Fine-tuning of a small module on pictures that are made here: three kinds of stripes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from lookalike.errors import DiskFull, EncoderExhausted, InvalidSetting
from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.augment import whole
from lookalike_worker.finetune.class_folders import read_class_folders
from lookalike_worker.finetune.command import finetune
from lookalike_worker.finetune.disk import check_room, full_disk
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.outcome import Outcome
from lookalike_worker.finetune.pixels import Unreadable
from lookalike_worker.finetune.progress import Epoch
from lookalike_worker.finetune.run import Run, Watcher
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.finetune.trainer import Trainer, TrainingBatch
from lookalike_worker.graphs.feature_vector import save_feature_vector
from lookalike_worker.graphs.head import Head, load_head
from lookalike_worker.modules.building import Wishes, obtain
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import Local, resolve
from lookalike_worker.quiet_keras import keras
from lookalike_worker.quiet_tensorflow import hub, tf

SIZE = 24
OPTIONS = Options(
    epochs=12,
    batch_size=12,
    learning_rate=1e-2,
    batch_statistics=True,
    batch_norm_momentum=0.9,
    patience=20,
)


def save_small_module(folder: Path) -> None:
    """Two convolutions with random weights, which tell colours apart and no stripes."""
    keras.utils.set_random_seed(3)
    x = images = keras.Input((SIZE, SIZE, 3))
    for filters, stride in ((8, 1), (12, 2)):
        x = keras.layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    save_feature_vector(keras.Model(images, keras.layers.GlobalAveragePooling2D()(x)), folder)


def stripes(kind: int, generator: np.random.Generator) -> Image.Image:
    """Lines across, down or along the diagonal, of random colours and phase."""
    y, x = np.mgrid[:SIZE, :SIZE]
    across = (y, x, x + y)[kind] + generator.integers(6)
    colours = generator.integers(0, 256, (2, 3))
    return Image.fromarray(colours[across // 3 % 2].astype(np.uint8))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the small module."""
    folder = tmp_path_factory.mktemp("finetune")
    save_small_module(folder / "small")
    obtain(folder / "encoders", Local(folder / "small"))
    return folder / "encoders"


@pytest.fixture(scope="module")
def small(cache: Path) -> Module:
    return resolve("small", untrained=False, cache=cache)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of 30 pictures each, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("stripes")
    generator = np.random.default_rng(0)
    for kind, label in enumerate(("across", "down", "diagonal")):
        (folder / label).mkdir()
        for number in range(30):
            stripes(kind, generator).save(folder / label / f"{number}.png")
    (folder / "down" / "broken.png").write_bytes(b"no picture")
    return folder


class Seen:
    """A watcher's notes; `stop_after` ends the run as a kill would, after that epoch."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.epochs: list[Epoch] = []
        self.unreadable: tuple[Unreadable, ...] = ()
        self.bars: list[str] = []
        self._stop_after = stop_after

    @contextmanager
    def bar(self, what: str, n_images: int) -> Iterator[Callable[[int], None]]:
        self.bars.append(what)
        counts: list[int] = []
        yield counts.append
        assert sum(counts) in (0, n_images)

    def note(self, pictures: tuple[Unreadable, ...]) -> None:
        self.unreadable = pictures

    def end(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        if epoch.number == self._stop_after:
            raise KeyboardInterrupt


def run(
    small: Module, pictures: Path, folder: Path, seen: Seen, options: Options = OPTIONS
) -> Outcome:
    watcher = Watcher(seen.bar, seen.note, seen.end)
    images = read_class_folders(pictures)
    return Run(small, images, folder, "stripes", options, 12, 10**6, watcher).outcome()


def load_and_call(directory: Path, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(hub.load(str(directory))(tf.constant(images)))


@pytest.fixture(scope="module")
def trained(
    small: Module, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Outcome, Seen, Path]:
    """A run from beginning to end."""
    folder, seen = tmp_path_factory.mktemp("run"), Seen()
    return run(small, pictures, folder, seen), seen, folder


def test_training_raises_the_accuracy(trained: tuple[Outcome, Seen, Path]) -> None:
    outcome, seen, _ = trained
    assert outcome.after.head >= outcome.before.head + 0.2
    assert outcome.after.nearest >= outcome.before.nearest + 0.2
    assert [epoch.number for epoch in seen.epochs] == list(range(13))
    assert (outcome.n_training, outcome.n_validation) == (72, 18)


def test_a_run_leaves_a_curve_and_a_log_and_names_what_it_left_out(
    trained: tuple[Outcome, Seen, Path],
) -> None:
    _, seen, folder = trained
    assert [picture.name for picture in seen.unreadable] == ["down/broken.png"]
    assert len((folder / "log.jsonl").read_text().splitlines()) == 13
    with Image.open(folder / "curve.png") as image:
        assert image.width > 1000


def test_the_new_module_is_a_new_feature_space_that_the_setting_can_name(
    trained: tuple[Outcome, Seen, Path], small: Module, cache: Path
) -> None:
    outcome, _, _ = trained
    obtain(cache, Local(outcome.directory), Wishes(name=outcome.encoder))
    module = resolve("stripes", untrained=False, cache=cache)
    assert module.space.digest != small.space.digest
    assert module.space.dimensions == small.space.dimensions
    assert module.space.trained


def test_the_new_module_with_its_head_gives_the_accuracy_that_was_measured(
    trained: tuple[Outcome, Seen, Path], pictures: Path
) -> None:
    outcome, _, folder = trained
    head = load_head(outcome.directory)
    assert head is not None
    assert head.labels == ("across", "diagonal", "down")
    pixels = np.fromfile(folder / "pixels.uint8", np.uint8).reshape(90, SIZE, SIZE, 3)
    features = load_and_call(outcome.directory, pixels.astype(np.float32) / 255)
    logits = features @ head.kernel + head.bias
    assert (logits.argmax(1) == np.repeat([0, 1, 2], 30)).mean() >= outcome.after.head - 0.15


def test_a_killed_run_goes_on_and_ends_as_one_that_was_never_stopped(
    trained: tuple[Outcome, Seen, Path], small: Module, pictures: Path, tmp_path: Path
) -> None:
    whole, seen, _ = trained
    with pytest.raises(KeyboardInterrupt):
        run(small, pictures, tmp_path, Seen(stop_after=10))
    rest = Seen()
    outcome = run(small, pictures, tmp_path, rest)
    assert [epoch.number for epoch in rest.epochs] == [11, 12]
    assert "decoding" in rest.bars
    assert "features" not in rest.bars
    assert outcome.after == whole.after
    expected = [epoch.validation_loss for epoch in seen.epochs]
    losses = [epoch.validation_loss for epoch in outcome.progress.epochs]
    np.testing.assert_allclose(losses, expected, rtol=1e-3)


def test_a_run_with_other_options_does_not_go_on(
    trained: tuple[Outcome, Seen, Path], small: Module, pictures: Path
) -> None:
    with pytest.raises(InvalidSetting, match="seed was 0 and is 1"):
        run(small, pictures, trained[2], Seen(), Options(seed=1))


def test_a_training_that_gains_nothing_stops_early_and_gives_the_weights_back(
    small: Module, pictures: Path, tmp_path: Path
) -> None:
    # Such steps destroy what the weights knew.
    wild = Options(epochs=50, batch_size=12, learning_rate=1.0, patience=2)
    seen = Seen()
    outcome = run(small, pictures, tmp_path, seen, wild)
    assert len(seen.epochs) < 50
    assert outcome.progress.best == 0
    assert outcome.after == outcome.before
    images = np.random.default_rng(0).random((4, SIZE, SIZE, 3), np.float32)
    expected = load_and_call(small.directory, images)
    np.testing.assert_allclose(load_and_call(outcome.directory, images), expected, rtol=1e-5)


def test_the_head_alone_leaves_the_features_as_they_are(
    small: Module, pictures: Path, tmp_path: Path, cache: Path
) -> None:
    outcome = run(small, pictures, tmp_path, Seen(), Options(head_only=True))
    assert not outcome.is_new_space
    assert outcome.encoder == "small"
    entry = obtain(cache, Local(outcome.directory), Wishes(name=outcome.encoder))
    assert entry.record.digest == small.space.digest
    assert load_head(entry.directory) is not None


def test_a_batch_in_parts_moves_the_weights_as_a_whole_one_where_memory_runs_out(
    small: Module, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Trainer._of_part

    def exhausted(self: Trainer, part: Any, n_images: int) -> Any:
        if len(part) > 6:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return whole(self, part, n_images)

    monkeypatch.setattr(Trainer, "_of_part", exhausted)
    outcome = run(small, pictures, tmp_path, Seen(), Options(epochs=1, batch_size=12))
    assert outcome.at_once == 6


def test_the_command_says_what_came_of_it(
    cache: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_HOME", str(cache.parent))
    app = typer.Typer()
    app.command()(finetune)
    arguments = [str(pictures), "--encoder", "small", "--name", "Our Stripes", "--epochs", "1"]
    shown = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path), "--learning-rate", "1e-2"])
    assert shown.exit_code == 0, shown.output
    assert "down/broken.png: found 10 bytes that begin with b'no picture'" in shown.output
    assert "of 18 validation pictures" in shown.output
    assert "is in the cache, with its labels" in shown.output


def test_a_module_without_trainable_variables_is_refused(
    pictures: Path, tmp_path: Path, small: Module
) -> None:
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable([1.0, 2.0, 3.0])]
    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)
    root.__call__ = tf.function(
        lambda images: tf.reduce_mean(images, (1, 2)) * root.variables[0], input_signature=[spec]
    )
    tf.saved_model.save(root, str(tmp_path / "fixed"))
    module = Module(tmp_path / "fixed", small.space, SIZE, small.golden)
    with pytest.raises(InvalidSetting, match=r"has no trainable variables; .*--head-only"):
        run(module, pictures, tmp_path / "run", Seen())


def test_a_disk_without_room_is_refused_before_anything_is_computed(
    small: Module, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull, match="MB are free on the disk"):
        check_room(tmp_path, small.directory, 10**18)


def test_a_full_disk_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="the same command again"), full_disk(tmp_path):
        raise OSError(28, "No space left on device")
    with pytest.raises(DiskFull, match="--out"), full_disk(tmp_path):
        raise tf.errors.UnknownError(None, None, "ckpt-1; No space left on device")
    with pytest.raises(EncoderExhausted), full_disk(tmp_path):
        raise EncoderExhausted("no disk's fault")


@pytest.mark.parametrize("batch_statistics", [False, True])
def test_the_moving_averages_move_only_with_batch_statistics(
    small: Module, batch_statistics: bool
) -> None:
    module = TrainableModule(small, Options(batch_statistics=batch_statistics))
    trained = {variable.ref() for variable in module.trainable_variables}
    averages = [variable for variable in module.variables if variable.ref() not in trained]
    before = [average.numpy() for average in averages]
    head = Head(np.ones((12, 2), np.float32), np.zeros(2, np.float32), ("a", "b"))
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    batch = TrainingBatch(pixels, whole(4), np.array([0, 1, 0, 1]))
    Trainer(module, head, AtOnce(4)).step(batch, 1e-3)
    moved = [not np.array_equal(b, a) for b, a in zip(before, averages, strict=True)]
    assert moved == [batch_statistics] * 4
