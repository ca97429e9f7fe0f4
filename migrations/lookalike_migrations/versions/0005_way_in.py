"""Keys to the API, requests that may come twice, and thumbnails: three new tables."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text()
    # Without parameters: per cent signs would else be taken for them.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
