"""A collection out into a file, and in again, here or elsewhere.

exported   what an export holds, whatever the kind of file
parquet    as Parquet; the only file that imports pyarrow
exporting  out of Postgres, as it stood at one moment
moving     from a collection to a file and back
"""

from __future__ import annotations

from lookalike.transfer.moving import Watch, export_collection, import_collection

__all__ = [
    "Watch",
    "export_collection",
    "import_collection",
]
