"""The first schema: collections, images, jobs, feature spaces, features, and their functions."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text()
    # The driver's own cursor: SQLAlchemy would take the per cent signs for parameters.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(sql)
