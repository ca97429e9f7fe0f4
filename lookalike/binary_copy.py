"""Rows of embedded images in Postgres's binary COPY format, packed by NumPy.

Formatting 4,032 numbers a row as text is most of a write's cost
(`python -m benchmarks.writes`), so rows are written as the server keeps them.
Format: postgresql.org/docs/current/sql-copy.html, "Binary Format"; halfvec:
pgvector's halfvec_recv (int16 dimensions, int16 unused, then big-endian halves).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookalike.jobs import Embedded

COLUMNS = "job_id, lease, image_key, fetched_ms, decoded_ms, batched_ms, encoded_ms, features"

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


def pack(outcomes: Sequence[Embedded]) -> bytes:
    """All outcomes as one COPY stream; every one has the same number of features.

    Features become float16: 11 significant bits, at most 65,504.
    """
    dimensions = len(outcomes[0].features)
    rows = np.zeros(len(outcomes), dtype=_row_type(dimensions))
    rows["n_fields"] = 8
    rows["job_id_length"] = 8
    rows["job_id"] = [outcome.job.id for outcome in outcomes]
    rows["lease_length"] = 8
    rows["lease"] = [outcome.job.lease for outcome in outcomes]
    rows["key_length"] = 32
    rows["key"] = [outcome.key.digest for outcome in outcomes]
    for name in ("fetched_ms", "decoded_ms", "batched_ms", "encoded_ms"):
        rows[name + "_length"] = 4
        rows[name] = [round(getattr(outcome.trace, name) or 0) for outcome in outcomes]
    rows["features_length"] = 4 + 2 * dimensions
    rows["dimensions"] = dimensions
    rows["features"] = np.stack([outcome.features for outcome in outcomes])
    return _HEADER + rows.tobytes() + _TRAILER


def _row_type(dimensions: int) -> np.dtype[np.void]:
    milliseconds = [
        field
        for name in ("fetched_ms", "decoded_ms", "batched_ms", "encoded_ms")
        for field in ((name + "_length", ">i4"), (name, ">i4"))
    ]
    return np.dtype(
        [
            ("n_fields", ">i2"),
            ("job_id_length", ">i4"),
            ("job_id", ">i8"),
            ("lease_length", ">i4"),
            ("lease", ">i8"),
            ("key_length", ">i4"),
            ("key", "V32"),
            *milliseconds,
            ("features_length", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("features", ">f2", (dimensions,)),
        ]
    )
