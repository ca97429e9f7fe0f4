"""One process at a time, for what two would do twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from sqlalchemy import Engine, exc, text

from lookalike.database import translated

Purpose = Literal["lookalike.index", "lookalike.map", "lookalike.upkeep"]


@contextmanager
def alone(engine: Engine, purpose: Purpose, collection_id: int) -> Iterator[bool]:
    """Whether no other process does this for the collection; none does while the context lasts.

    A lock of the session, on a connection that does nothing else: it holds no
    snapshot that others would wait for, and goes with a process that dies.
    """
    what = {"purpose": purpose, "id": collection_id}
    with translated(), engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        is_mine = connection.scalar(
            text("SELECT pg_try_advisory_lock(hashtext(:purpose), :id)"), what
        )
        try:
            yield bool(is_mine)
        finally:
            if is_mine:
                # A connection that is lost has taken its lock along.
                with suppress(exc.SQLAlchemyError):
                    connection.execute(
                        text("SELECT pg_advisory_unlock(hashtext(:purpose), :id)"), what
                    )
