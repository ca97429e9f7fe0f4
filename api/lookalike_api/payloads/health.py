"""What a process says of itself."""

from __future__ import annotations

from pydantic import BaseModel


class Ready(BaseModel):
    """Postgres answers with the right schema; without workers, jobs wait."""

    ready: bool
    n_workers: int


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True
