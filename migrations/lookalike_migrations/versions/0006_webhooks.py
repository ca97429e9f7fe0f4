"""Webhooks with their deliveries, and an index by which an image's earlier jobs are found.

The index is built beside the running system, before the one short transaction; a run that was
broken off begins again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEX = "jobs_image_id_idx"
_IS_BROKEN = """
    SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid)
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _build_index()
    sql = Path(__file__).with_suffix(".sql").read_text()
    # Without parameters: per cent signs would else be taken for them.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})


def _build_index() -> None:
    # A build that was broken off leaves an index that is there and serves nobody.
    if op.get_bind().scalar(text(_IS_BROKEN), {"name": f"lookalike.{_INDEX}"}):
        op.execute(f"DROP INDEX CONCURRENTLY lookalike.{_INDEX}")
    # An open job is its image's last one, which the image knows: to enqueue costs nothing more.
    op.execute(
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {_INDEX} ON lookalike.jobs (image_id) "
        "WHERE finished_at IS NOT NULL"
    )
