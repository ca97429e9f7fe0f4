"""Search keys and their indexes, filters, tallies of features, changes of the encoder.

What takes long is built beside the running system, before the one short transaction; a run that
was broken off begins again where it stood.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PARTS = ("tables", "ways", "search", "duplicates")

_PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'lookalike.features'::regclass ORDER BY 1
"""
_IS_BROKEN = """
    SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid)
"""
# Rows from before the triggers: all that this one snapshot sees, less what they have counted.
_COUNT_FEATURES = """
    INSERT INTO lookalike.tallies (collection_id, space_id, what, n)
    SELECT collection_id, space_id, 'features', sum(n) FROM (
        SELECT collection_id, space_id, count(*) AS n FROM lookalike.features
        GROUP BY collection_id, space_id
        UNION ALL
        SELECT collection_id, space_id, -n FROM lookalike.tallies WHERE what = 'features'
    ) c GROUP BY collection_id, space_id HAVING sum(n) <> 0
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _build_indexes()
    for part in _PARTS:
        sql = Path(__file__).with_name(f"0004_{part}.sql").read_text()
        # Without parameters: per cent signs would else be taken for them.
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
    with op.get_context().autocommit_block():
        op.execute(_COUNT_FEATURES)


def _build_indexes() -> None:
    for partition in op.get_bind().scalars(text(_PARTITIONS)).all():
        name = partition.removeprefix("lookalike.")
        _index(f"{name}_image_space_key", f"{partition} (image_id, space_id)", kind="UNIQUE INDEX")
        _index(f"{name}_collection_image_idx", f"{partition} (collection_id, image_id)")
    _index(
        "images_metadata_idx",
        "lookalike.images USING gin (metadata jsonb_path_ops) WHERE metadata <> '{}'",
    )


def _index(name: str, on: str, *, kind: str = "INDEX") -> None:
    # A build that was broken off leaves an index that is there and serves nobody.
    if op.get_bind().scalar(text(_IS_BROKEN), {"name": f"lookalike.{name}"}):
        op.execute(f"DROP INDEX CONCURRENTLY lookalike.{name}")
    op.execute(f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {on}")
