"""Rows into Postgres, in binary: text would take longer than every index."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import psycopg2

from benchmarks.search.rows import Rows

_PORTION = 2000

Numbers = npt.NDArray[np.int32] | npt.NDArray[np.int64]
"""A column of type integer or bigint."""


def copy_in(url: str, table: str, columns: Sequence[Numbers], rows: Rows) -> None:
    """COPY into a table whose columns are some whole numbers and then the features, a halfvec."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        for start in range(0, len(rows), _PORTION):
            part = slice(start, start + _PORTION)
            packed = _packed([column[part] for column in columns], rows[part])
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", packed)
    connection.close()


def _packed(columns: Sequence[Numbers], rows: Rows) -> io.BytesIO:
    n, dimensions = rows.shape
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("n_fields", ">i2")]
    for i, column in enumerate(columns):
        fields += [(f"length_{i}", ">i4"), (f"number_{i}", f">i{column.itemsize}")]
    fields += [("length", ">i4"), ("dimensions", ">i2"), ("unused", ">i2")]
    fields += [("features", ">f2", (dimensions,))]
    records = np.zeros(n, np.dtype(fields))
    records["n_fields"] = 1 + len(columns)
    for i, column in enumerate(columns):
        records[f"length_{i}"], records[f"number_{i}"] = column.itemsize, column
    records["length"], records["dimensions"] = 4 + 2 * dimensions, dimensions
    records["features"] = rows
    return io.BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + records.tobytes() + b"\xff\xff")
