"""The feature spaces: which encoder made each, who works in it, and which collections serve it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_SPACES = """
    SELECT s.encoder, s.encoder || '@' || left(s.digest, 12) AS space, s.digest, s.dimensions,
        s.trained AS is_trained,
        (SELECT count(*) FROM lookalike.workers w WHERE w.space_id = s.id
            AND w.last_seen > now() - make_interval(secs => :lease_s)) AS n_workers,
        ARRAY (SELECT c.name FROM lookalike.collections c
               WHERE c.space_id = s.id ORDER BY c.name) AS collections
    FROM lookalike.feature_spaces s ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class ServedSpace:
    """A feature space with its live workers and the collections whose searches go to it."""

    encoder: str
    space: str
    digest: str
    dimensions: int
    is_trained: bool
    n_workers: int
    collections: list[str]


def list_spaces(connection: Connection, *, lease_s: float) -> list[ServedSpace]:
    """All of them, the oldest first."""
    rows = connection.execute(text(_SPACES), {"lease_s": lease_s})
    return [ServedSpace(**row._asdict()) for row in rows]
