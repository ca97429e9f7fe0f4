"""Measures what near-duplicate and similar mean in a collection, by edits of its own images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from sqlalchemy import Engine

from lookalike.bars import progress_bar
from lookalike.calibrating.records import (
    StoredImage,
    nearest_other_distance,
    read_upload,
    sample_images,
    store_calibration,
)
from lookalike.calibrating.thresholds import LEAST_IMAGES, Thresholds, choose_thresholds
from lookalike.client import Lookalike
from lookalike.client.inputs import read_file
from lookalike.database import open_engine, transaction
from lookalike.errors import Rejected, SampleTooSmall, WrongFeatureSpace
from lookalike.features import Features
from lookalike.images import Source
from lookalike.pictures.edits import Edit, cropped, halved, lit, unchanged
from lookalike.pictures.opening import open_picture
from lookalike.search import QueryFeatures, check_collection
from lookalike.settings import Settings
from lookalike.sources.file_roots import resolved_roots, root_of

# What leaves a picture the same for whoever looks at it.
EDITS = (
    Edit("JPEG quality 60", unchanged, jpeg_quality=60),
    Edit("half the size", halved),
    Edit("cropped by 5 %", cropped(0.95, 0.5, 0.5)),
    Edit("10 % darker", lit(0.9)),
    Edit("10 % brighter", lit(1.1)),
)

# Of so many times as many images, those that cannot be read here are passed over.
_CANDIDATES = 4
# Queries at a time: they fill a worker's batch.
_N_THREADS = 4


def calibrate(
    settings: Settings, collection: str, *, n_images: int = 30, out: Console
) -> Thresholds:
    """Measure on up to n of a collection's images, and keep what it gives for the collection.

    Their edited copies go through the workers as queries. Raises
    UnknownCollection, and SampleTooSmall where the bytes of fewer than
    LEAST_IMAGES of them can be read here.
    """
    with Lookalike(settings=settings) as lookalike, _engine(settings) as engine:
        images = _readable(engine, settings, collection, n_images)
        edits: list[float] = []
        with (
            progress_bar("embedding edits", len(images) * len(EDITS), "images", out) as advance,
            ThreadPoolExecutor(_N_THREADS) as pool,
        ):
            for found in pool.map(_measure(lookalike, collection), images):
                edits += found
                advance(len(found))
        space = lookalike.features(images[0][0].image_id).space
        with transaction(engine) as connection:
            others = [nearest_other_distance(connection, image.image_id) for image, _ in images]
            thresholds = choose_thresholds(edits, [one for one in others if one is not None])
            store_calibration(connection, collection, space.digest, thresholds)
    return thresholds


def _measure(
    lookalike: Lookalike, collection: str
) -> Callable[[tuple[StoredImage, bytes]], list[float]]:
    """What gives the distances of an image's edited copies to it."""

    def measure(given: tuple[StoredImage, bytes]) -> list[float]:
        image, data = given
        stored = lookalike.features(image.image_id)
        picture = open_picture(data)
        copies = (edit.copy_of(picture) for edit in EDITS)
        return [_distance(lookalike.embed(copy, collection=collection), stored) for copy in copies]

    return measure


def _readable(
    engine: Engine, settings: Settings, collection: str, n_images: int
) -> list[tuple[StoredImage, bytes]]:
    """Images with their bytes, up to n; raises SampleTooSmall."""
    with transaction(engine) as connection:
        check_collection(connection, collection)
        candidates = sample_images(connection, collection, _CANDIDATES * n_images)
    found: list[tuple[StoredImage, bytes]] = []
    for image in candidates:
        data = _bytes(engine, settings, image)
        if data is not None:
            found.append((image, data))
        if len(found) == n_images:
            break
    if len(found) < LEAST_IMAGES:
        raise SampleTooSmall(
            f"the bytes of {len(found)} images of {collection!r} can be read here; expected "
            f"{LEAST_IMAGES} at least: run this where its files are, or add some with --upload",
            value=len(found),
        )
    return found


def _bytes(engine: Engine, settings: Settings, image: StoredImage) -> bytes | None:
    """A picture's bytes, where this process may and can read them."""
    ref = image.reference
    try:
        if ref.source is Source.UPLOAD:
            with transaction(engine) as connection:
                data = read_upload(connection, ref)
        else:
            data = read_file(ref) if _is_permitted(ref.path, settings.file_roots) else None
        if data is not None:
            open_picture(data)
    except Rejected:
        return None
    return data


def _is_permitted(path: Path, roots: tuple[Path, ...]) -> bool:
    """Whether a file is inside one of the roots; where there are none, the account decides."""
    return not roots or root_of(path.resolve(), resolved_roots(roots)) is not None


def _distance(query: QueryFeatures, stored: QueryFeatures) -> float:
    """The cosine distance; raises WrongFeatureSpace."""
    if query.space.digest != stored.space.digest:
        raise WrongFeatureSpace(
            f"the encoder changed from {stored.space} to {query.space} meanwhile: calibrate again",
            value=query.space.name,
        )
    return float(1 - _unit(query.features) @ _unit(stored.features))


def _unit(features: Features) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = features.astype(np.float64)
    return values / np.linalg.norm(values)


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings.require_database())
    try:
        yield engine
    finally:
        engine.dispose()
