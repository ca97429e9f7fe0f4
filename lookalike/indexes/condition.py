"""How an index stands: its size beside the features', how far a build is, and how it has drifted.

Drift is the share of the variance that the key's axes have lost since they
were fitted: what the collection shows now is no longer what they were
fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from lookalike.database import tallies
from lookalike.indexes.recipes import Transform, captured_by
from lookalike.indexes.records import SearchIndex, read_indexes
from lookalike.indexes.sampling import draw

# The share of the variance is then right to about a hundredth.
_N_LOOKED_AT = 1000
# Not the one by which the images of the fit were drawn.
_SEED = 1

# The features' table is shared by the collections of a space: by its rows, this one's part of it.
_SIZES = """
    WITH part AS (
        SELECT oid FROM pg_class WHERE oid = to_regclass(:keys)
        UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:keys)
    ), key_index AS (
        SELECT i.indexrelid FROM part p JOIN pg_index i ON i.indrelid = p.oid
        JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE '%\\_key\\_idx'
    )
    SELECT (SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM key_index) AS index_bytes,
        (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM part) AS all_bytes,
        pg_table_size(to_regclass(:features)) * :n_rows / greatest(1, (
            SELECT sum(n) FROM lookalike.tallies WHERE what = 'features' AND space_id = :space_id
        )) AS features_bytes
"""

_UNDER_WAY = """
    SELECT phase, tuples_done, tuples_total, blocks_done, blocks_total
    FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.relid
    WHERE p.datname = current_database() AND p.relid IN (
        SELECT to_regclass(:keys)
        UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:keys))
    LIMIT 1
"""

# By the ids: to count the keys would take long.
_FILLED = """
    SELECT CAST(:filled_to AS float8) / greatest(1, max(image_id)) FROM lookalike.features_{space}
    WHERE collection_id = {collection}
"""


@dataclass(frozen=True, slots=True)
class IndexCondition:
    """An index, and what is around it; all sizes in bytes.

    `keys_bytes` is the table of keys with its primary key; `captured_now`
    the share of the variance that the axes keep of a sample drawn now, None
    where nobody looked. `phase` and `progress` (0 to 1) tell of a build, in
    whatever process it runs; `phase` is None where none does.
    """

    index: SearchIndex
    n_rows: int
    index_bytes: int
    keys_bytes: int
    features_bytes: int
    captured_now: float | None = None
    phase: str | None = None
    progress: float | None = None

    @property
    def size_ratio(self) -> float | None:
        """How many times smaller than the features index and keys are together."""
        together = self.index_bytes + self.keys_bytes
        return self.features_bytes / together if together else None

    @property
    def captured_ratio(self) -> float | None:
        """What the axes keep now, as a share of what they kept when they were fitted."""
        if self.captured_now is None:
            return None
        return self.captured_now / self.index.captured if self.index.captured else 1.0


def read_conditions(
    connection: Connection, collection: str | None = None, *, look: bool = True
) -> list[IndexCondition]:
    """How the indexes of a collection, or of all, stand; raises UnknownCollection.

    With `look`, some images are drawn of each to see how far it has drifted.
    """
    return [
        _condition(connection, index, look=look)
        for index in read_indexes(connection, collection)
        # What goes may be locked by who waits to remove it.
        if index.state != "retired"
    ]


def captured_now(connection: Connection, index: SearchIndex, *, n: int = _N_LOOKED_AT) -> float:
    """The share of the variance that an index's axes keep of some of its images, drawn anew."""
    if index.recipe == "bits":
        return 1.0
    sample = draw(connection, index.collection_id, index.space_id, n=n, seed=_SEED)
    return captured_by(_read_transform(connection, index), sample.features)


def _condition(connection: Connection, index: SearchIndex, *, look: bool) -> IndexCondition:
    n_rows = tallies.count_features(connection, index.collection_id, index.space_id)
    sizes = connection.execute(
        text(_SIZES),
        {
            "keys": f"lookalike.keys_{index.id}",
            "features": f"lookalike.features_{index.space_id}",
            "space_id": index.space_id,
            "n_rows": n_rows,
        },
    ).one()
    phase, progress = _under_way(connection, index)
    return IndexCondition(
        index,
        n_rows,
        int(sizes.index_bytes),
        int(sizes.all_bytes - sizes.index_bytes),
        int(sizes.features_bytes),
        captured_now(connection, index) if look and n_rows else None,
        phase,
        progress,
    )


def _under_way(connection: Connection, index: SearchIndex) -> tuple[str | None, float | None]:
    if index.state == "filling":
        place = {"space": index.space_id, "collection": index.collection_id}
        filled = connection.scalar(text(_FILLED.format(**place)), {"filled_to": index.filled_to})
        return "keys", None if filled is None else float(filled)
    if index.state != "building":
        return None, None
    row = connection.execute(text(_UNDER_WAY), {"keys": f"lookalike.keys_{index.id}"}).first()
    if row is None:
        return "broken off, or not begun", None
    done, total = (
        (row.tuples_done, row.tuples_total)
        if row.tuples_total
        else (row.blocks_done, row.blocks_total)
    )
    return str(row.phase), done / total if total else None


def _read_transform(connection: Connection, index: SearchIndex) -> Transform:
    rows = connection.execute(
        text("""
            SELECT CAST(axis AS real[]) AS axis, origin FROM lookalike.key_axes
            WHERE index_id = :id ORDER BY number
        """),
        {"id": index.id},
    ).all()
    axes = np.array([row.axis for row in rows], np.float32)
    origins = np.array([row.origin for row in rows], np.float32)
    return Transform(index.recipe, axes, origins, index.captured, index.n_fitted)
