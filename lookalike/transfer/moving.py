"""A collection out into a file, and in again, here or elsewhere."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection, Engine

from lookalike import queue
from lookalike.database import transaction
from lookalike.database.descriptions import from_json
from lookalike.database.pairs import in_pairs
from lookalike.errors import DiskFull, ExportUnusable, InvalidSetting, Rejected
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Request
from lookalike.store.bulk import portion_size, write_features
from lookalike.transfer.exported import Header, Rows
from lookalike.transfer.exporting import snapshot

Watch = Callable[[int, int], None]
"""Told how many images are through, and how many there are."""


def export_collection(
    engine: Engine, collection: str, path: Path, *, uploads: bool, watch: Watch
) -> int:
    """Write a collection's images and features into a file; how many these were.

    The file is there once it is whole, and takes the place of one that was.
    """
    parquet = _parquet()
    n_done = 0
    with (
        snapshot(engine, collection) as found,
        _replaced(path) as file,
        closing(parquet.ParquetWriter(file, found.header, has_uploads=uploads)) as writer,
    ):
        watch(0, found.n_images)
        for rows in found.read(with_uploads=uploads):
            writer.write(rows)
            n_done += len(rows.references)
            watch(n_done, found.n_images)
    return n_done


def import_collection(engine: Engine, path: Path, collection: str | None, *, watch: Watch) -> int:
    """Store what a file holds, some megabytes a transaction; how many images these were.

    Doing it again, also after it was broken off, changes nothing that is there.
    """
    n_done = 0
    with closing(_parquet().ParquetReader(path)) as reader:
        header = Header(collection or reader.header.collection, reader.header.space)

        def add(rows: Rows) -> int:
            with transaction(engine) as connection:
                _write(connection, header, rows)
            return len(rows.references)

        watch(0, reader.n_images)
        for n in in_pairs(add, reader.read(portion_size(header.space))):
            n_done += n
            watch(n_done, reader.n_images)
    return n_done


def _write(connection: Connection, header: Header, rows: Rows) -> None:
    for reference, data in zip(rows.references, rows.uploads or (), strict=False):
        if data is not None and queue.upload(connection, data)[0].text != reference:
            raise ExportUnusable(
                f"found other bytes than those of {reference}: export again", value=reference
            )
    requests = [
        Request(ImageRef.parse(reference), ImageKey(key) if key else None, from_json(metadata))
        for reference, key, metadata in zip(rows.references, rows.keys, rows.metadata, strict=True)
    ]
    # A worker has stored them, so zeros too are stored again.
    write_features(
        connection, header.collection, header.space, requests, rows.features, zeros_allowed=True
    )


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file beside the path, which takes its place at the end; at an error nothing is left."""
    try:
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"the disk of {path} is full: make room, or choose another") from error
        raise Rejected(f"{path} cannot be written: {error.strerror or error}") from error


def _parquet() -> ModuleType:
    try:
        from lookalike.transfer import parquet
    except ModuleNotFoundError as error:
        raise InvalidSetting(
            "Parquet files need pyarrow, which is not installed: pip install 'lookalike[parquet]'"
        ) from error
    return parquet
