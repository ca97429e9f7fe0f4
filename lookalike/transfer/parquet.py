"""Exports of collections as Parquet files. The only file that imports pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lookalike.errors import ExportUnusable
from lookalike.transfer.exported import Header, Rows

_HEADER = b"lookalike"


class ParquetWriter:
    """Writes an export, a row group a call; unreadable until it is closed."""

    def __init__(self, path: Path, header: Header, *, has_uploads: bool) -> None:
        schema = _schema(header.space.dimensions, has_uploads=has_uploads)
        self._schema = schema.with_metadata({_HEADER: header.to_json()})
        # Nearly all numbers and texts differ: dictionaries of them would be for nothing.
        self._file = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=["reference", "created_at"],
            write_page_checksum=True,
        )

    def write(self, rows: Rows) -> None:
        n, dimensions = rows.features.shape
        columns = [
            pa.array(rows.references, pa.string()),
            pa.array(rows.metadata, pa.string()),
            pa.array(rows.keys, pa.binary(32)),
            pa.array(rows.created_at, self._schema.field("created_at").type),
            pa.FixedSizeListArray.from_arrays(pa.array(rows.features.reshape(-1)), dimensions),
        ]
        if rows.uploads is not None:
            columns.append(pa.array(rows.uploads, pa.binary()))
        # One that is not null says so in each row's levels: cast to the schema's.
        table = pa.Table.from_arrays(columns, names=self._schema.names).cast(self._schema)
        self._file.write_table(table, row_group_size=max(n, 1))

    def close(self) -> None:
        self._file.close()


class ParquetReader:
    """An export; raises ExportUnusable where it is none, is damaged or of another format."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
        found = self._file.schema_arrow
        header = (found.metadata or {}).get(_HEADER)
        if header is None:
            self.close()
            raise ExportUnusable(
                f"{path} is a Parquet file, but no export of a collection: `lookalike export` "
                "writes one",
                value=str(path),
            )
        try:
            self.header = Header.from_json(header)
            self._names = _checked_names(found, self.header.space.dimensions)
        except ExportUnusable:
            self.close()
            raise

    @property
    def n_images(self) -> int:
        return int(self._file.metadata.num_rows)

    def read(self, n: int) -> Iterator[Rows]:
        """All rows, `n` at a time; raises ExportUnusable where the file is damaged."""
        batches = self._file.iter_batches(batch_size=n, columns=self._names)
        while True:
            with self._translated():
                batch = next(batches, None)
                rows = None if batch is None else _rows(batch)
            if rows is None:
                return
            yield rows

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ExportUnusable(
                f"no file is at {self._path}: give the path of an export", value=str(self._path)
            ) from error
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ExportUnusable(
                f"{self._path} cannot be read as Parquet ({_first_line(error)}): it is no Parquet "
                "file, or a part of it is missing or damaged; copy it or export again",
                value=str(self._path),
            ) from error


def _schema(dimensions: int, *, has_uploads: bool) -> pa.Schema:
    number = pa.field("element", pa.float16(), nullable=False)
    fields = [
        pa.field("reference", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
        pa.field("image_key", pa.binary(32)),
        pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("features", pa.list_(number, dimensions), nullable=False),
    ]
    return pa.schema([*fields, *([pa.field("upload", pa.binary())] if has_uploads else [])])


def _checked_names(found: pa.Schema, dimensions: int) -> list[str]:
    """The columns to read; raises ExportUnusable for one that lacks or has another type."""
    expected = _schema(dimensions, has_uploads="upload" in found.names)
    for field in expected:
        if field.name not in found.names:
            raise ExportUnusable(
                f"the file has no column {field.name}; expected {', '.join(expected.names)}",
                value=field.name,
            )
        if found.field(field.name).type != field.type:
            raise ExportUnusable(
                f"found the column {field.name} of the type {found.field(field.name).type}; "
                f"expected {field.type}, as the header says",
                value=field.name,
            )
    return list(expected.names)


def _rows(batch: pa.RecordBatch) -> Rows:
    batch.validate(full=True)
    columns = {name: batch.column(name) for name in batch.schema.names}
    for name in ("reference", "metadata", "created_at", "features"):
        if columns[name].null_count:
            raise ValueError(f"the column {name} has rows without a value")
    features = columns["features"]
    numbers = features.flatten().to_numpy(zero_copy_only=False)
    uploads = columns.get("upload")
    return Rows(
        columns["reference"].to_pylist(),
        columns["metadata"].to_pylist(),
        columns["image_key"].to_pylist(),
        columns["created_at"].to_pylist(),
        np.ascontiguousarray(numbers, np.float16).reshape(len(features), -1),
        None if uploads is None else uploads.to_pylist(),
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
