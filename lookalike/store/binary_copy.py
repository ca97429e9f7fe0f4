"""Rows in Postgres's binary COPY format, packed and unpacked by NumPy.

Formatting 4,032 numbers a row as text is most of a write's cost
(`python -m benchmarks.ingest`), so rows are written as the server keeps them.
Format: postgresql.org/docs/current/sql-copy.html, "Binary Format"; halfvec:
pgvector's halfvec_recv (int16 dimensions, int16 unused, then big-endian halves).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from lookalike.jobs import Embedded
from lookalike.store.halves import Halves, to_halves

OUTCOME_COLUMNS = (
    "job_id, lease, image_key, fetched_ms, decoded_ms, batched_ms, encoded_ms, features, thumbnail"
)
FEATURES_COLUMNS = "space_id, collection_id, image_id, features"

Ids = npt.NDArray[np.int64]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_Rows = npt.NDArray[np.void]
_Field = tuple[str, str] | tuple[str, str, tuple[int]]


def pack_outcomes(outcomes: Sequence[Embedded]) -> bytes:
    """Embedded images as one COPY stream; every one has the same number of features.

    Features become float16: 11 significant bits, at most 65,504.
    """
    milliseconds = ("fetched_ms", "decoded_ms", "batched_ms", "encoded_ms")
    halves = to_halves(np.stack([outcome.features for outcome in outcomes]))
    rows = _rows(
        halves,
        {"job_id": ">i8", "lease": ">i8", "key": "V32"} | dict.fromkeys(milliseconds, ">i4"),
    )
    rows["job_id"] = [outcome.job.id for outcome in outcomes]
    rows["lease"] = [outcome.job.lease for outcome in outcomes]
    rows["key"] = [outcome.key.digest for outcome in outcomes]
    for name in milliseconds:
        rows[name] = [round(getattr(outcome.trace, name) or 0) for outcome in outcomes]
    rows["n_fields"] += 1
    return b"".join((_HEADER, *_with_thumbnails(rows, outcomes), _TRAILER))


def pack_features(space_id: int, collection_id: int, image_ids: Ids, halves: Halves) -> bytes:
    """Features of a collection's images as one COPY stream."""
    rows = _rows(halves, {"space_id": ">i4", "collection_id": ">i4", "image_id": ">i8"})
    rows["space_id"] = space_id
    rows["collection_id"] = collection_id
    rows["image_id"] = image_ids
    return _stream(rows)


def unpack_features(stream: bytes, dimensions: int) -> tuple[Ids, Halves]:
    """The ids and features of images, from a COPY stream of `image_id, features`."""
    row_type = _row_type({"image_id": ">i8"}, dimensions)
    rows = np.frombuffer(stream[len(_HEADER) : -len(_TRAILER)], row_type)
    return rows["image_id"].astype(np.int64), rows["halves"].astype(np.uint16).view(np.float16)


def send(connection: Connection, statement: str, stream: bytes) -> None:
    """Run COPY … FROM STDIN with a stream."""
    with closing(connection.connection.cursor()) as cursor:
        # Read at once: by the driver's 8 kB, the encoder's thread would be made to wait for
        # Python's lock some hundred times.
        cursor.copy_expert(statement, io.BytesIO(stream), len(stream))


def receive(connection: Connection, statement: str) -> bytes:
    """The stream that COPY … TO STDOUT gives."""
    stream = io.BytesIO()
    with closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(statement, stream)
    return stream.getvalue()


def _with_thumbnails(rows: _Rows, outcomes: Sequence[Embedded]) -> Iterator[bytes | memoryview]:
    """Each row, then its last field, the only one whose length differs from row to row."""
    packed = memoryview(rows.tobytes())
    for i, outcome in enumerate(outcomes):
        yield packed[i * rows.itemsize : (i + 1) * rows.itemsize]
        if outcome.thumbnail is None:
            yield _NULL
        else:
            yield _LENGTH.pack(len(outcome.thumbnail))
            yield outcome.thumbnail


def _rows(halves: Halves, fields: dict[str, str]) -> _Rows:
    """Rows with everything set but the fields."""
    n, dimensions = halves.shape
    row_type = _row_type(fields, dimensions)
    rows = np.zeros(n, row_type)
    rows["n_fields"] = len(fields) + 1
    for name in fields:
        rows[name + "_length"] = row_type[name].itemsize
    rows["halves_length"] = 4 + 2 * dimensions
    rows["dimensions"] = dimensions
    # As whole numbers: NumPy turns the bytes of these round by the dozen, those of halves singly.
    rows["halves"] = halves.view(np.uint16)
    return rows


def _row_type(fields: dict[str, str], dimensions: int) -> np.dtype[Any]:
    layout: list[_Field] = [("n_fields", ">i2")]
    for name, kind in fields.items():
        layout += [(name + "_length", ">i4"), (name, kind)]
    layout += [
        ("halves_length", ">i4"),
        ("dimensions", ">i2"),
        ("unused", ">i2"),
        ("halves", ">u2", (dimensions,)),
    ]
    return np.dtype(layout)


def _stream(rows: _Rows) -> bytes:
    return b"".join((_HEADER, rows.tobytes(), _TRAILER))
