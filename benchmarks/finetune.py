"""What fine-tuning on some classes does for the search among others that it never saw.

    python -m benchmarks.finetune FOLDER [--encoder efficientnet_lite0] [--epochs 6]

The first half of the class folders, by name, is trained on (half of each for
validation, as `lookalike encoder finetune --validation 0.5` does); the pictures
of the others are searched among each other before and after, by exact cosine.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.machine import machine
from lookalike.features import Features
from lookalike.settings import Settings
from lookalike_worker.finetune.at_once import AtOnce
from lookalike_worker.finetune.class_folders import TrainingSet, read_class_folders
from lookalike_worker.finetune.options import Options
from lookalike_worker.finetune.pixels import DecodedSet, decode_set
from lookalike_worker.finetune.report import watcher
from lookalike_worker.finetune.run import Run
from lookalike_worker.finetune.serving import Serving
from lookalike_worker.finetune.trainable import TrainableModule
from lookalike_worker.modules.module import Module
from lookalike_worker.modules.sources import resolve

MAX_PIXELS = 50_000_000
BATCH = 16


def main() -> None:
    given = _arguments()
    console = Console(soft_wrap=True, highlight=False)
    console.print(machine())
    cache = Settings.load().home / "encoders"
    module = resolve(given.encoder, untrained=False, cache=cache)
    known, others = _halves(read_class_folders(given.folder))
    options = Options(epochs=given.epochs, validation=0.5)
    with tempfile.TemporaryDirectory() as name:
        run = Run(
            module=module,
            images=known,
            folder=Path(name),
            name="trained",
            options=options,
            at_once=BATCH,
            max_pixels=MAX_PIXELS,
            watcher=watcher(console),
        )
        outcome = run.outcome()
        unseen = _decoded(others, Path(name) / "unseen", module.input_size)
        trained = replace(module, directory=outcome.directory)
        before, after = (_search(one, unseen, options) for one in (module, trained))
    figures = {
        "known_1nn_before": outcome.before.nearest,
        "known_1nn_after": outcome.after.nearest,
        "known_labels_before": outcome.before.head,
        "known_labels_after": outcome.after.head,
        **dict(_named("unseen", before, after)),
        "n_unseen_images": len(unseen.names),
        "n_unseen_classes": len(others.labels),
        "images_per_s": outcome.images_per_s,
    }
    print(json.dumps({name: round(figure, 4) for name, figure in figures.items()}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.finetune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet_lite0")
    parser.add_argument("--epochs", type=int, default=6)
    return parser.parse_args()


def _halves(images: TrainingSet) -> tuple[TrainingSet, TrainingSet]:
    middle = len(images.labels) // 2
    known = tuple(image for image in images.images if image.label < middle)
    others = tuple(
        replace(image, label=image.label - middle)
        for image in images.images
        if image.label >= middle
    )
    return (
        replace(images, labels=images.labels[:middle], images=known),
        replace(images, labels=images.labels[middle:], images=others),
    )


def _decoded(images: TrainingSet, folder: Path, size: int) -> DecodedSet:
    folder.mkdir()
    return decode_set(images, folder, size=size, max_pixels=MAX_PIXELS, advance=lambda _: None)


@dataclass(frozen=True, slots=True)
class Found:
    """Shares: of queries whose nearest other picture, of five nearest that, have their class."""

    first: float
    first_five: float


def _search(module: Module, images: DecodedSet, options: Options) -> Found:
    serving = Serving(TrainableModule(module, options), AtOnce(BATCH))
    rows = np.arange(len(images.names))
    return _found(serving.features(images.pixels, rows, lambda _: None), images)


def _found(features: Features, images: DecodedSet) -> Found:
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, -2)  # a picture does not count as its own neighbour
    nearest = np.argsort(-cosines, axis=1)[:, :5]
    right = images.classes[nearest] == images.classes[:, None]
    return Found(float(right[:, 0].mean()), float(right.mean()))


def _named(what: str, before: Found, after: Found) -> Iterator[tuple[str, float]]:
    yield f"{what}_1nn_before", before.first
    yield f"{what}_1nn_after", after.first
    yield f"{what}_precision_at_5_before", before.first_five
    yield f"{what}_precision_at_5_after", after.first_five


if __name__ == "__main__":
    main()
